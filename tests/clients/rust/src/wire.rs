//! A wire between client and server that can be cut: both sides lose the connection.

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::{self, Sender};

pub struct Wire {
    /// Where clients find the server through it.
    pub url: String,
    pub scissors: Sender<()>,
}

impl Wire {
    /// A wire to the server of `url`, for as long as the program runs.
    pub async fn open(url: &str) -> Result<Wire> {
        let rest = url.strip_prefix("http://").context("an http URL")?;
        let (server, path) = rest.split_once('/').context("a URL with a path")?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/{path}", listener.local_addr()?);
        let (scissors, _) = broadcast::channel(1);
        tokio::spawn(accept(listener, server.to_owned(), scissors.clone()));
        Ok(Wire { url, scissors })
    }

    pub fn cut(&self) {
        // Without a connection there is nothing to cut.
        let _ = self.scissors.send(());
    }
}

async fn accept(listener: TcpListener, server: String, scissors: Sender<()>) -> Result<()> {
    loop {
        let (mut near, _) = listener.accept().await?;
        let mut far = TcpStream::connect(&server).await?;
        let mut cut = scissors.subscribe();
        tokio::spawn(async move {
            tokio::select! {
                _ = copy_bidirectional(&mut near, &mut far) => {}
                _ = cut.recv() => {}
            }
        });
    }
}
