//! may_minihttp with a fixed answer, on one worker thread.
//!
//! The body of the request is read to its end and not looked at.

use std::io::{self, BufRead};
use std::process::ExitCode;

use loadtest::arguments::Arguments;
use loadtest::{canned, sys};
use may_minihttp::{HttpServer, HttpService, Request, Response};

/// What may_minihttp writes before the body, without the digits of the length.
const HEAD: &str = "HTTP/1.1 200 Ok\r\nServer: M\r\nDate: Fri, 20 Nov 2026 20:45:00 GMT\r\n\
                    Content-Length: \r\nContent-Type: application/json\r\n\r\n";

#[derive(Clone)]
struct Fixed {
    body: &'static str,
}

impl HttpService for Fixed {
    fn call(&mut self, request: Request, response: &mut Response) -> io::Result<()> {
        let mut body = request.body();
        loop {
            let len = body.fill_buf()?.len();
            if len == 0 {
                break;
            }
            body.consume(len);
        }
        response.header("Content-Type: application/json");
        response.body(self.body);
        Ok(())
    }
}

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("peer-may: {message}\npeer-may --bind ADDR --response-bytes N");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), String> {
    let mut arguments = Arguments::from_env();
    let bind: String = arguments.required("--bind")?;
    let response_bytes = arguments.required("--response-bytes")?;
    arguments.finish()?;
    let body = canned::body_for_total(response_bytes, HEAD.len())
        .ok_or("--response-bytes: too few")?
        .leak();
    sys::raise_open_files().map_err(|error| error.to_string())?;
    may::config().set_workers(1).set_stack_size(0x1000);
    let server =
        HttpServer(Fixed { body }).start(&bind).map_err(|error| format!("{bind}: {error}"))?;
    server.join().map_err(|_| "the server panicked".to_string())
}
