//! rmcp with mimalloc. `peer-rmcp-mimalloc --bind ADDR --mode json|sse|session`

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    peer_rmcp::main()
}
