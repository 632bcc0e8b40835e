//! hyper 1 with a fixed answer, on a tokio runtime of one thread.
//!
//! The body of the request is read to its end and not looked at.

use std::convert::Infallible;
use std::process::ExitCode;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use loadtest::arguments::Arguments;
use loadtest::{canned, sys};
use tokio::net::TcpListener;

/// What hyper writes before the body, without the digits of the length.
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: \r\n\
                    date: Fri, 20 Nov 2026 20:45:00 GMT\r\n\r\n";

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let served = match runtime {
        Ok(runtime) => runtime.block_on(serve()),
        Err(error) => Err(error.to_string()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("peer-hyper: {message}\npeer-hyper --bind ADDR --response-bytes N");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), String> {
    let mut arguments = Arguments::from_env();
    let bind: String = arguments.required("--bind")?;
    let response_bytes = arguments.required("--response-bytes")?;
    arguments.finish()?;
    let body = canned::body_for_total(response_bytes, HEAD.len())
        .map(Bytes::from)
        .ok_or("--response-bytes: too few")?;
    sys::raise_open_files().map_err(|error| error.to_string())?;
    let complain = |error: std::io::Error| format!("{bind}: {error}");
    let listener = TcpListener::bind(&bind).await.map_err(complain)?;
    loop {
        let (stream, _) = listener.accept().await.map_err(complain)?;
        stream.set_nodelay(true).map_err(complain)?;
        let body = body.clone();
        let service = service_fn(move |request| answer(request, body.clone()));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .pipeline_flush(true)
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn answer(
    request: Request<Incoming>,
    body: Bytes,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut incoming = request.into_body();
    while let Some(Ok(_)) = incoming.frame().await {}
    let mut response = Response::new(Full::new(body));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}
