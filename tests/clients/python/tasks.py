"""Tasks of 2026-07-28 as an extension of the Python client, since mcp 2.3.0 brings none.

(Those of 2025-11-25 it knows as types only: a task is no result that it takes for a call.)
"""

import asyncio
from typing import Any, Literal

import mcp_types as types
from mcp.client.extension import ClaimContext, ClientExtension, ResultClaim


class Task(types.Result):
    """What the server answers a call with of its own accord."""

    result_type: Literal["task"] = "task"
    task_id: str
    status: str
    ttl_ms: int | None
    poll_interval_ms: int | None = None


class State(types.Result):
    task_id: str
    status: str
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, Any] | None = None


class GetTask(types.Request[types.GetTaskRequestParams, Literal["tasks/get"]]):
    method: Literal["tasks/get"] = "tasks/get"
    name_param = "taskId"


class UpdateParams(types.RequestParams):
    task_id: str
    input_responses: dict[str, Any]


class UpdateTask(types.Request[UpdateParams, Literal["tasks/update"]]):
    method: Literal["tasks/update"] = "tasks/update"
    name_param = "taskId"


class CancelTask(types.Request[types.CancelTaskRequestParams, Literal["tasks/cancel"]]):
    method: Literal["tasks/cancel"] = "tasks/cancel"
    name_param = "taskId"


class Tasks(ClientExtension):
    """Polls a task until it ends; what it asks on the way is answered with `answer`."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self, answer: dict) -> None:
        self.answer = answer
        self.statuses: list[str] = []
        self.cancels = False

    def claims(self):
        return [ResultClaim(result_type="task", model=Task, resolve=self.resolve)]

    async def resolve(self, task: Task, context: ClaimContext) -> types.CallToolResult:
        self.statuses = [task.status]
        send, task_id = context.session.send_request, task.task_id
        if self.cancels:
            params = types.CancelTaskRequestParams(task_id=task_id)
            await send(CancelTask(params=params), types.EmptyResult)
        while True:
            params = types.GetTaskRequestParams(task_id=task_id)
            state = await send(GetTask(params=params), State)
            self.statuses.append(state.status)
            if state.status == "completed":
                return types.CallToolResult.model_validate(state.result, by_name=False)
            if state.status in ("failed", "cancelled"):
                text = types.TextContent(type="text", text=f"{state.status}: {state.error}")
                return types.CallToolResult(content=[text], is_error=True)
            if state.status == "input_required":
                assert state.input_requests, state
                answers = {key: self.answer for key in state.input_requests}
                params = UpdateParams(task_id=task_id, input_responses=answers)
                await send(UpdateTask(params=params), types.EmptyResult)
            await asyncio.sleep((task.poll_interval_ms or 100) / 1000)
