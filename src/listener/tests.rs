//! Connections over real sockets of the loopback interface.

use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;

use super::*;

/// A listener whose connections arrive in a channel.
struct Scene {
    address: SocketAddr,
    arrived: mpsc::Receiver<Connection>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Scene {
    fn new(proxied: bool, before_login: usize) -> Self {
        let address = Address { socket: "127.0.0.1:0".parse().unwrap(), proxied };
        let listener = Listener::bind(address, Kind::Plain).unwrap();
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (sender, arrived) = mpsc::channel(16);
        let admission = Admission::new(Limits { before_login, before_login_per_address: 1 });
        let address = listener.address();
        let handle = move |connection| {
            let sender = sender.clone();
            async move {
                let _ = sender.send(connection).await;
            }
        };
        tasks.spawn(listener.run(admission, stop.clone(), tasks.clone(), handle));
        Self { address, arrived, stop, tasks }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn next(&mut self) -> Connection {
        timeout(Duration::from_secs(10), self.arrived.recv()).await.expect("in time").expect("a connection")
    }
}

#[tokio::test]
async fn a_connection_is_handed_over_with_its_peer() {
    let mut scene = Scene::new(false, 8);
    let client = scene.connect().await;
    let connection = scene.next().await;
    assert_eq!((connection.peer, connection.kind), (client.local_addr().unwrap(), Kind::Plain));
    assert!(connection.socket.nodelay().unwrap());
}

#[tokio::test]
async fn a_full_house_takes_the_next_when_one_has_signed_in() {
    let mut scene = Scene::new(false, 1);
    let (_first, second) = (scene.connect().await, scene.connect().await);
    let connection = scene.next().await;
    assert!(scene.arrived.try_recv().is_err(), "the second waits in the system's queue");
    drop(connection.place);
    assert_eq!(scene.next().await.peer, second.local_addr().unwrap());
}

#[tokio::test]
async fn a_proxy_introduces_its_client_and_the_first_byte_of_the_stream_is_left() {
    let mut scene = Scene::new(true, 8);
    let mut proxy = scene.connect().await;
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x30\x39\x14\x66";
    // Cut in two, as a network may.
    proxy.write_all(&header[..20]).await.unwrap();
    proxy.write_all(&header[20..]).await.unwrap();
    proxy.write_all(b"<stream").await.unwrap();
    let mut connection = scene.next().await;
    assert_eq!(connection.peer.to_string(), "192.0.2.7:12345");
    let mut start = [0; 7];
    connection.socket.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"<stream");
}

#[tokio::test]
async fn the_bound_of_an_address_holds_for_whom_the_proxy_names() {
    let mut scene = Scene::new(true, 8);
    let header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc6\x33\x64\x01\x30\x39\x14\x66";
    let (mut first, mut second) = (scene.connect().await, scene.connect().await);
    first.write_all(header).await.unwrap();
    let connection = scene.next().await;
    second.write_all(header).await.unwrap();
    assert_eq!(second.read(&mut [0]).await.unwrap(), 0, "closed");
    drop(connection);
}

#[tokio::test]
async fn whoever_does_not_introduce_a_client_is_closed() {
    let scene = Scene::new(true, 8);
    let mut stranger = scene.connect().await;
    stranger.write_all(b"<?xml version='1.0'?><stream:stream>").await.unwrap();
    // A reset counts as closed: the bytes behind the sixteenth were never read.
    assert!(!matches!(stranger.read(&mut [0]).await, Ok(1..)));
}

#[tokio::test]
async fn a_stopped_listener_takes_nobody_and_leaves_those_it_took() {
    let mut scene = Scene::new(false, 8);
    let mut client = scene.connect().await;
    let mut connection = scene.next().await;
    scene.stop.cancel();
    scene.tasks.close();
    scene.tasks.wait().await;
    assert!(TcpStream::connect(scene.address).await.is_err());
    client.write_all(b"x").await.unwrap();
    connection.socket.read_exact(&mut [0]).await.unwrap();
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let scene = Scene::new(false, 8);
    let taken = Address { socket: scene.address, proxied: false };
    let error = Listener::bind(taken, Kind::Plain).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on {}: ", scene.address)), "{error}");
}
