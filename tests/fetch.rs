//! Promise: a download ends with the right files in their place, or with an error that says what happened and the place as it
//! was; whatever broke it, the next one goes on. The server is on this machine and misbehaves on request.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use md5::{Digest, Md5};
use softhebb::data::registry::{self, DatasetInfo, Download, FileInfo, Unpack};
use softhebb::data::{DataDirs, FetchError, FetchEvent, FetchOptions, FetchReport, fetch, fetch_info, load};
use tempfile::TempDir;

// ---- a server that does what it is told -----------------------------------------------------------------------------------

#[derive(Debug, Clone, PartialEq)]
struct Request {
    path: String,
    /// First byte of the `Range` header.
    from: Option<u64>,
}

#[derive(Clone)]
struct Reply {
    status: u16,
    body: Vec<u8>,
    /// Send a `Content-Length`.
    declare: bool,
    /// Close the connection after so many bytes of the body.
    cut: usize,
    /// `Content-Range` of a 206.
    range: Option<String>,
}

impl Reply {
    fn new(status: u16, body: &[u8]) -> Reply {
        Reply { status, body: body.to_vec(), declare: true, cut: usize::MAX, range: None }
    }

    /// The file, or the rest of it if that was asked for.
    fn file(bytes: &[u8], request: &Request) -> Reply {
        match request.from {
            None => Reply::new(200, bytes),
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
                Reply { range: Some(range), ..Reply::new(206, &bytes[from as usize..]) }
            }
        }
    }

    fn cut(self, after: usize) -> Reply {
        Reply { cut: after, ..self }
    }

    fn undeclared(self) -> Reply {
        Reply { declare: false, ..self }
    }
}

type Handler = Box<dyn FnMut(usize, &Request) -> Reply + Send>;

struct Server {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// `handler` is given how many requests there were before.
    fn new(mut handler: impl FnMut(usize, &Request) -> Reply + Send + 'static) -> Server {
        let mut handler: Handler = Box::new(move |n, r| handler(n, r));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped) = (log.clone(), stop.clone());
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                // A client that goes away early is part of the tests.
                let _ = stream.and_then(|s| answer(s, &seen, &mut handler));
            }
        });
        Server { address, log, stop, thread: Some(thread) }
    }

    /// A server of these files, under any folder.
    fn of(files: Vec<(String, Vec<u8>)>) -> Server {
        Server::new(move |_, request| {
            let named = files.iter().find(|(name, _)| request.path.ends_with(&format!("/{name}")));
            named.map_or(Reply::new(404, b"no"), |(_, bytes)| Reply::file(bytes, request))
        })
    }

    fn url(&self) -> String {
        format!("http://{}/mirror", self.address)
    }

    fn log(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    /// First bytes asked for, request by request.
    fn froms(&self) -> Vec<Option<u64>> {
        self.log().into_iter().map(|r| r.from).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<Vec<Request>>, handler: &mut Handler) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let mut request = Request { path: first.split(' ').nth(1).unwrap_or("").to_string(), from: None };
    for line in lines {
        let line = line?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(range) = line.strip_prefix("range: bytes=") {
            request.from = range.trim_end_matches('-').parse().ok();
        }
    }
    let reply = {
        let mut seen = seen.lock().unwrap();
        let reply = handler(seen.len(), &request);
        seen.push(request);
        reply
    };
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    if reply.declare {
        head += &format!("Content-Length: {}\r\n", reply.body.len());
    }
    if let Some(range) = reply.range {
        head += &format!("Content-Range: {range}\r\n");
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(&reply.body[..reply.cut.min(reply.body.len())])?;
    stream.flush()?;
    stream.shutdown(Shutdown::Write)
}

// ---- small data sets of the shape of the real ones ----------------------------------------------------------------------

fn leak<T>(value: Vec<T>) -> &'static [T] {
    Box::leak(value.into_boxed_slice())
}

fn md5(bytes: &[u8]) -> &'static str {
    let hex: String = Md5::digest(bytes).iter().map(|b| format!("{b:02x}")).collect();
    Box::leak(hex.into_boxed_str())
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

/// Bytes that do not compress, so that a download has some length.
fn noise(n: usize) -> Vec<u8> {
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..n).map(|_| next()).collect()
}

/// MNIST with 40 training and 10 test images, and what its site would serve.
fn mnist() -> (DatasetInfo, Vec<(String, Vec<u8>)>) {
    let mut served = Vec::new();
    let files: Vec<FileInfo> = registry::MNIST
        .files
        .iter()
        .map(|file| {
            let count: u32 = if file.name.starts_with("train") { 40 } else { 10 };
            let labels = file.header == 8;
            let mut bytes: Vec<u8> = match labels {
                true => [0x801, count].iter().flat_map(|n| n.to_be_bytes()).collect(),
                false => [0x803, count, 28, 28].iter().flat_map(|n: &u32| n.to_be_bytes()).collect(),
            };
            match labels {
                true => bytes.extend((0..count).map(|i| (i % 10) as u8)),
                false => bytes.extend(noise(count as usize * 784)),
            }
            served.push((format!("{}.gz", file.name), gz(&bytes)));
            FileInfo { records: u64::from(count), md5: md5(&bytes), ..*file }
        })
        .collect();
    let download = |(name, bytes): &(String, Vec<u8>)| Download {
        file: Box::leak(name.clone().into_boxed_str()),
        bytes: bytes.len() as u64,
        md5: md5(bytes),
        unpack: Unpack::Gzip,
    };
    let downloads = leak(served.iter().map(download).collect());
    (DatasetInfo { files: leak(files), downloads, ..registry::MNIST }, served)
}

/// CIFAR-100 with 3 training and 2 test images, and its archive.
fn cifar100() -> (DatasetInfo, Vec<(String, Vec<u8>)>) {
    let record = 3074;
    let content = |n: usize| -> Vec<u8> {
        noise(n * 3072).chunks(3072).flat_map(|pixels| [1, 2].into_iter().chain(pixels.iter().copied())).collect()
    };
    let files: Vec<FileInfo> = registry::CIFAR100
        .files
        .iter()
        .zip([3, 2])
        .map(|(file, n)| FileInfo { records: n as u64, md5: md5(&content(n)), ..*file })
        .collect();
    let mut tar = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (file, n) in [("train.bin", 3), ("test.bin", 2), ("fine_label_names.txt", 0)] {
        let mut header = tar::Header::new_gnu();
        header.set_size((n * record) as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, format!("cifar-100-binary/{file}"), content(n).as_slice()).unwrap();
    }
    let archive = tar.into_inner().unwrap().finish().unwrap();
    let name = "cifar-100-binary.tar.gz";
    let unpack = Unpack::TarGz("cifar-100-binary");
    let downloads = vec![Download { file: name, bytes: archive.len() as u64, md5: md5(&archive), unpack }];
    let info = DatasetInfo { files: leak(files), downloads: leak(downloads), ..registry::CIFAR100 };
    (info, vec![(name.to_string(), archive)])
}

fn options(server: &Server) -> FetchOptions<'static> {
    FetchOptions {
        mirror: Some(server.url()),
        attempts: 4,
        pause: Duration::ZERO,
        patience: Duration::from_secs(5),
        ..FetchOptions::default()
    }
}

fn get(info: &DatasetInfo, root: &TempDir, server: &Server) -> Result<FetchReport, FetchError> {
    fetch_info(info, &DataDirs::only(root.path()), &options(server), &mut |_| {})
}

/// Everything below a folder, but `.partial` if nothing is asked about it.
fn tree(root: &Path) -> Vec<String> {
    let mut out = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => out.extend(tree(&path).into_iter().map(|p| format!("{}/{p}", path.file_name().unwrap().display()))),
            false => out.push(path.file_name().unwrap().display().to_string()),
        }
    }
    out.sort();
    out
}

const ARCHIVE_PART: &str = ".partial/CIFAR100/cifar-100-binary.tar.gz.part";

// ---- when all goes well ---------------------------------------------------------------------------------------------------

#[test]
fn idx_files_are_fetched_unpacked_and_can_be_loaded() {
    let (info, files) = mnist();
    let server = Server::of(files);
    let root = TempDir::new().unwrap();
    let dirs = DataDirs::only(root.path());
    let mut seen = Vec::new();
    let mut on = |event: FetchEvent<'_>| match event {
        FetchEvent::File { name, bytes, done } => seen.push((name.to_string(), bytes, done)),
        FetchEvent::Received(done) => {
            let last = seen.last_mut().unwrap();
            assert!(done >= last.2 && done <= last.1, "progress runs to the file's size");
            last.2 = done;
        }
        _ => {}
    };
    let report = fetch_info(&info, &dirs, &options(&server), &mut on).unwrap();
    assert_eq!((report.already, report.folder), (false, Some(root.path().join("MNIST/raw"))));
    assert!(seen.len() == 4 && seen.iter().all(|(_, bytes, done)| bytes == done), "{seen:?}");
    assert_eq!(
        tree(root.path()),
        ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", "train-images-idx3-ubyte", "train-labels-idx1-ubyte"]
            .map(|f| format!("MNIST/raw/{f}")),
        "and nothing else"
    );
    let data = load("MNIST", "", &dirs).unwrap();
    assert_eq!((data.train.len(), data.test.len()), (40, 10));

    let before = server.log().len();
    assert!(get(&info, &root, &server).unwrap().already);
    assert_eq!(server.log().len(), before, "a second fetch asks for nothing");
    let force = FetchOptions { force: true, ..options(&server) };
    assert!(!fetch_info(&info, &dirs, &force, &mut |_| {}).unwrap().already);
    assert_eq!(server.log().len(), before + 4);
}

#[test]
fn an_archive_is_fetched_and_completes_a_folder_without_touching_what_else_is_in_it() {
    let (info, files) = cifar100();
    let server = Server::of(files);
    let root = TempDir::new().unwrap();
    let folder = root.path().join("cifar-100-binary");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("mine.txt"), "mine").unwrap();
    fs::write(folder.join("train.bin"), "half a record").unwrap();
    let report = get(&info, &root, &server).unwrap();
    assert!(!report.already);
    let names = ["fine_label_names.txt", "mine.txt", "test.bin", "train.bin"];
    assert_eq!(tree(root.path()), names.map(|f| format!("cifar-100-binary/{f}")));
    let data = load("CIFAR100", "", &DataDirs::only(root.path())).unwrap();
    assert_eq!(data.train.labels, [2, 2, 2]);
}

#[test]
fn a_mirror_may_have_a_folder_for_each_data_set_or_not() {
    let (info, files) = cifar100();
    let (name, archive) = files[0].clone();
    for (place, requests) in [("/mirror/CIFAR100/", 1), ("/mirror/", 2)] {
        let (wanted, archive) = (format!("{place}{name}"), archive.clone());
        let server = Server::new(move |_, request| match request.path == wanted {
            true => Reply::file(&archive, request),
            false => Reply::new(404, b"no such file"),
        });
        let root = TempDir::new().unwrap();
        get(&info, &root, &server).unwrap();
        assert_eq!(server.log().len(), requests, "{:?}", server.log());
    }
}

// ---- broken transfers -----------------------------------------------------------------------------------------------------

#[test]
fn a_transfer_that_breaks_off_goes_on_at_the_right_byte() {
    let (info, files) = cifar100();
    let archive = files[0].1.clone();
    for declared in [true, false] {
        let bytes = archive.clone();
        let server = Server::new(move |n, request| {
            let reply = Reply::file(&bytes, request);
            let reply = if declared { reply } else { reply.undeclared() };
            if n < 3 { reply.cut(1000) } else { reply }
        });
        let root = TempDir::new().unwrap();
        let mut retries = 0;
        let mut on = |e: FetchEvent<'_>| retries += usize::from(matches!(e, FetchEvent::Retry { .. }));
        fetch_info(&info, &DataDirs::only(root.path()), &options(&server), &mut on).unwrap();
        assert_eq!(server.froms(), [None, Some(1000), Some(2000), Some(3000)]);
        assert_eq!(retries, 3);
        assert!(load("CIFAR100", "", &DataDirs::only(root.path())).is_ok());
    }
}

#[test]
fn an_interrupted_fetch_is_resumed_by_the_next_one() {
    let (info, files) = cifar100();
    let archive = files[0].1.clone();
    let server = Server::new(move |n, request| {
        let reply = Reply::file(&archive, request);
        if n == 0 { reply.cut(5000) } else { reply }
    });
    let root = TempDir::new().unwrap();
    let dirs = DataDirs::only(root.path());
    // The user stops it as soon as something has arrived.
    let stop = AtomicBool::new(false);
    let how = FetchOptions { stop: Some(&stop), ..options(&server) };
    let mut on = |e: FetchEvent<'_>| {
        if let FetchEvent::Received(1..) = e {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let error = fetch_info(&info, &dirs, &how, &mut on).unwrap_err();
    assert!(matches!(error, FetchError::Interrupted { .. }), "{error}");
    let kept = root.path().join(ARCHIVE_PART).metadata().unwrap().len();
    assert!(kept > 0);
    assert_eq!(tree(root.path()), [ARCHIVE_PART], "nothing is installed");
    get(&info, &root, &server).unwrap();
    assert_eq!(server.froms(), [None, Some(kept)]);
    assert!(!root.path().join(".partial").exists());
}

#[test]
fn a_server_without_ranges_is_listened_to_from_the_start() {
    let (info, files) = cifar100();
    let archive = files[0].1.clone();
    let server = Server::new(move |n, _| {
        let reply = Reply::new(200, &archive);
        if n == 0 { reply.cut(1000) } else { reply }
    });
    let root = TempDir::new().unwrap();
    get(&info, &root, &server).unwrap();
    assert_eq!(server.froms(), [None, Some(1000)]);
}

#[test]
fn a_part_that_does_not_fit_the_file_is_dropped() {
    let (info, files) = cifar100();
    let archive = files[0].1.clone();
    let len = archive.len();
    // What lies there from before, how the server answers a Range, and the requests that follow.
    type Ranged = fn(&[u8], &Request) -> Reply;
    let refuses: Ranged = |_, _| Reply::new(416, b"");
    let shifted: Ranged = |bytes, r| Reply { range: Some("bytes 7-8/9".into()), ..Reply::file(bytes, r) };
    let honest: Ranged = Reply::file;
    let table: [(Vec<u8>, Ranged, Vec<Option<u64>>); 5] = [
        (archive[..100].to_vec(), refuses, vec![Some(100), None]),
        (archive[..100].to_vec(), shifted, vec![Some(100), None]),
        (vec![0; 100], honest, vec![Some(100), None]),
        (vec![0; len], honest, vec![None]),
        (vec![0; len + 1], honest, vec![None]),
    ];
    for (left, ranged, froms) in table {
        let bytes = archive.clone();
        let server = Server::new(move |_, request| match request.from {
            Some(_) => ranged(&bytes, request),
            None => Reply::file(&bytes, request),
        });
        let root = TempDir::new().unwrap();
        fs::create_dir_all(root.path().join(".partial/CIFAR100")).unwrap();
        fs::write(root.path().join(ARCHIVE_PART), &left).unwrap();
        get(&info, &root, &server).unwrap();
        assert_eq!(server.froms(), froms);
    }
}

#[test]
fn a_complete_part_is_not_asked_for_again() {
    let (info, files) = cifar100();
    let server = Server::of(Vec::new());
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join(".partial/CIFAR100")).unwrap();
    fs::write(root.path().join(ARCHIVE_PART), &files[0].1).unwrap();
    get(&info, &root, &server).unwrap();
    assert_eq!(server.log(), []);
}

#[test]
fn attempts_are_bounded() {
    let (info, files) = cifar100();
    let archive = files[0].1.clone();
    let server = Server::new(move |_, request| Reply::file(&archive, request).cut(10));
    let root = TempDir::new().unwrap();
    let error = get(&info, &root, &server).unwrap_err();
    // Four attempts at each of the mirror's two addresses, each ten bytes further.
    assert_eq!(server.froms().len(), 8);
    assert_eq!(server.froms()[7], Some(70));
    let FetchError::Sites { failures } = &error else { panic!("{error}") };
    assert!(matches!(failures[1], FetchError::Truncated { got: 80, .. }), "{error}");
    assert!(error.hint().unwrap().contains("goes on where"));
    assert_eq!(tree(root.path()), [ARCHIVE_PART]);
}

// ---- servers that say no, or something else -------------------------------------------------------------------------------

#[test]
fn a_fault_of_the_server_passes_and_a_missing_file_does_not() {
    let (info, files) = cifar100();
    let archive = files[0].1.clone();
    let server = Server::new(move |n, request| match n {
        0 => Reply::new(503, b"busy"),
        1 => Reply::new(429, b"slowly"),
        _ => Reply::file(&archive, request),
    });
    let root = TempDir::new().unwrap();
    get(&info, &root, &server).unwrap();

    let server = Server::of(Vec::new());
    let root = TempDir::new().unwrap();
    let error = get(&info, &root, &server).unwrap_err();
    assert_eq!(server.log().len(), 2, "each address once");
    let said = error.to_string();
    assert!(said.contains(&format!("{}/CIFAR100/cifar-100-binary.tar.gz answered 404", server.url())), "{said}");
    assert!(error.hint().unwrap().contains("--mirror"));
    assert_eq!(tree(root.path()), Vec::<String>::new());
}

#[test]
fn another_file_is_not_kept() {
    let (info, files) = cifar100();
    let right = md5(&files[0].1);
    let len = files[0].1.len();
    // A page that asks to log in, a file of the right size, and one that never ends.
    for body in [b"<html>hello".to_vec(), vec![7; len], vec![7; 50 * len]] {
        let server = Server::new({
            let body = body.clone();
            move |_, _| Reply::new(200, &body)
        });
        let root = TempDir::new().unwrap();
        let FetchError::Sites { failures } = get(&info, &root, &server).unwrap_err() else { panic!() };
        for failure in failures {
            let said = failure.to_string();
            let FetchError::Checksum { got, expected, .. } = failure else { panic!("{said}") };
            assert!(expected == right && got != right && said.contains(right) && said.contains(&got), "{said}");
        }
        assert_eq!(tree(root.path()), Vec::<String>::new(), "nothing is kept");
    }
}

#[test]
fn an_archive_without_the_files_is_refused() {
    let (info, files) = cifar100();
    let longer: Vec<FileInfo> = info.files.iter().map(|f| FileInfo { records: f.records + 1, ..*f }).collect();
    let info = DatasetInfo { files: leak(longer), ..info };
    let server = Server::of(files);
    let root = TempDir::new().unwrap();
    let error = get(&info, &root, &server).unwrap_err();
    assert!(error.to_string().contains("train.bin: it has 9222 bytes, the official file 12296"), "{error}");
    assert!(!root.path().join("cifar-100-binary").exists());
}

#[test]
fn nobody_listening_is_said_soon() {
    let (info, _) = cifar100();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let root = TempDir::new().unwrap();
    let how = FetchOptions { mirror: Some(format!("http://{free}")), ..FetchOptions::default() };
    let start = Instant::now();
    let error = fetch_info(&info, &DataDirs::only(root.path()), &how, &mut |_| {}).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(10), "with the default pauses and attempts");
    assert!(error.to_string().starts_with(&format!("cannot reach http://{free}/CIFAR100/")), "{error}");
    assert_eq!(tree(root.path()), Vec::<String>::new());
}

// ---- this side's troubles -------------------------------------------------------------------------------------------------

#[test]
fn what_cannot_be_written_is_named() {
    let (info, files) = cifar100();
    let server = Server::of(files);
    let root = TempDir::new().unwrap();
    fs::write(root.path().join("file"), "").unwrap();
    let dirs = DataDirs::only(root.path().join("file"));
    let error = fetch_info(&info, &dirs, &options(&server), &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("cannot write") && error.to_string().contains("file/.partial"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_stops_at_once() {
    let (info, files) = cifar100();
    let server = Server::of(files);
    let root = TempDir::new().unwrap();
    fs::create_dir_all(root.path().join(".partial/CIFAR100")).unwrap();
    std::os::unix::fs::symlink("/dev/full", root.path().join(ARCHIVE_PART)).unwrap();
    let error = get(&info, &root, &server).unwrap_err();
    assert!(matches!(error, FetchError::Write { .. }), "{error}");
    assert!(error.to_string().contains("tar.gz.part: No space left"), "{error}");
    assert!(error.hint().unwrap().contains("--data-dir"));
    assert_eq!(server.log().len(), 1, "asking again would not help");
}

#[test]
fn two_processes_do_not_fetch_the_same_data_set() {
    let (info, files) = cifar100();
    let server = Server::of(files);
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join(".partial")).unwrap();
    let other = File::create(root.path().join(".partial/CIFAR100.lock")).unwrap();
    other.lock().unwrap();
    let error = get(&info, &root, &server).unwrap_err();
    assert!(matches!(error, FetchError::Busy { .. }), "{error}");
    drop(other);
    get(&info, &root, &server).unwrap();
}

#[test]
fn what_is_not_for_download_is_said() {
    let root = TempDir::new().unwrap();
    let dirs = DataDirs::only(root.path());
    let quiet = &mut |_: FetchEvent<'_>| {};
    assert!(fetch("FashionMini", &dirs, &FetchOptions::default(), quiet).unwrap().already);
    for (name, said) in [("ImageNet", "may not be downloaded automatically"), ("nothing", "no data set is called")] {
        let error = fetch(name, &dirs, &FetchOptions::default(), quiet).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    assert_eq!(tree(root.path()), Vec::<String>::new());
}
