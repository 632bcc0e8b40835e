//! rmcp with the system's allocator. `peer-rmcp --bind ADDR --mode json|sse|session`

fn main() -> std::process::ExitCode {
    peer_rmcp::main()
}
