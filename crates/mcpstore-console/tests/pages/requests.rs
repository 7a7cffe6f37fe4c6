//! Every page, every method, every kind of caller.

use crate::client::{Plain, Running};

#[tokio::test]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let console = Running::of(Plain::default()).await;
    let answer = console.get("/metrics").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "# in Prometheus\n"));
    assert!(answer.has("content-type: text/plain; version=0.0.4; charset=utf-8"), "{}", answer.head);
    assert!(answer.has("cache-control: no-store") && answer.has("x-content-type-options: nosniff"));
    assert!(!answer.head.contains("access-control"), "{}", answer.head);
    let answer =
        console.ask("GET /metrics?x=1", "Accept: application/openmetrics-text;version=1.0.0, */*;q=0.1\r\n").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "# in OpenMetrics\n"));
    assert!(answer.has("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{}", answer.head);
}

#[tokio::test]
async fn health_says_whether_the_manager_answers() {
    let answer = Running::of(Plain::default()).await.get("/healthz").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "{\"live\":true}\n"));
    assert!(answer.has("content-type: application/json"));
    let answer = Running::of(Plain { hangs: true, ..Plain::default() }).await.get("/healthz").await;
    let why = "{\"live\":false,\"why\":\"the manager did not answer within 1 s\"}\n";
    assert_eq!((answer.status, answer.body.as_str()), (503, why));
}

#[tokio::test]
async fn readiness_names_who_is_not_ready_and_why() {
    let console = Running::of(Plain::default()).await;
    let ready = "{\"ready\":true,\"services\":[{\"name\":\"web\",\"state\":\"running\",\"ready\":true}]}\n";
    for path in ["/readyz", "/readyz?service=web", "/readyz?other=1"] {
        let answer = console.get(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, ready), "{path}");
    }
    let answer = console.get("/readyz?service=wep").await;
    let unknown = "{\"ready\":false,\"services\":[],\"unknown\":\"no service `wep`; did you mean `web`?\"}\n";
    assert_eq!((answer.status, answer.body.as_str()), (404, unknown));
    // A manager that hangs does not keep this page waiting.
    let console = Running::of(Plain { failing: true, hangs: true }).await;
    let answer = console.get("/readyz").await;
    let failing = "{\"ready\":false,\"services\":[{\"name\":\"web\",\"state\":\"error\",\"ready\":false,\"why\":\"exited: exit code 3\"}]}\n";
    assert_eq!((answer.status, answer.body.as_str()), (503, failing));
}

#[tokio::test]
async fn a_head_is_answered_without_its_body() {
    let console = Running::of(Plain::default()).await;
    for path in ["/metrics", "/healthz", "/readyz"] {
        let get = console.get(path).await;
        let head = console.ask(&format!("HEAD {path}"), "").await;
        assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{path}");
        assert!(head.has(&format!("content-length: {}", get.body.len())), "{}", head.head);
    }
}

#[tokio::test]
async fn other_paths_name_the_known_ones_and_other_methods_are_refused() {
    let console = Running::of(Plain::default()).await;
    for line in ["GET /", "GET /metrics/", "POST /services", "GET /healthz/../metrics", "GET //metrics"] {
        let answer = console.ask(line, "").await;
        let known = "{\"error\":\"there is no such page\",\"paths\":[\"/metrics\",\"/healthz\",\"/readyz\"]}\n";
        assert_eq!((answer.status, answer.body.as_str()), (404, known), "{line}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let answer = console.ask(&format!("{method} /readyz"), "Content-Length: 0\r\n").await;
        assert_eq!(answer.status, 405, "{method}");
        assert!(answer.has("allow: get, head"), "{}", answer.head);
        assert!(!answer.head.contains("access-control"), "{}", answer.head);
    }
}

#[tokio::test]
async fn a_body_changes_nothing() {
    let console = Running::of(Plain::default()).await;
    let answer = console.ask("GET /healthz", "Content-Length: 20\r\n\r\n{\"stop\": \"everyone\"}").await;
    assert_eq!(answer.status, 200);
    // One that is promised and never comes is not waited for.
    let answer = console.ask("GET /healthz", "Content-Length: 1000000000\r\n").await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn names_that_lead_here_from_elsewhere_and_pages_of_others_are_refused() {
    let console = Running::of(Plain::default()).await;
    let port = console.addr.port();
    let request = |host: &str| format!("GET /metrics HTTP/1.1\r\nConnection: close\r\n{host}\r\n");
    for (host, status) in [
        (format!("Host: 127.0.0.1:{port}\r\n"), 200),
        (format!("Host: [::1]:{port}\r\n"), 200),
        // As through a tunnel, where the port is another.
        ("Host: localhost:9\r\n".to_owned(), 200),
        ("Host: rebound.example\r\n".to_owned(), 403),
        (format!("Host: 192.168.1.7:{port}\r\n"), 403),
        (String::new(), 400),
        ("Host: localhost\r\nHost: localhost\r\n".to_owned(), 400),
        (format!("Host: localhost:{port}\r\nOrigin: http://localhost:{port}\r\n"), 200),
        (format!("Host: localhost:{port}\r\nOrigin: http://evil.example\r\n"), 403),
        (format!("Host: localhost:{port}\r\nOrigin: null\r\n"), 403),
    ] {
        let answer = console.send(&request(&host)).await;
        assert_eq!(answer.status, status, "{host}: {}", answer.body);
        assert!(status == 200 || !answer.body.contains("# in"), "{}", answer.body);
    }
    // Before any route: an unknown path does not tell what there is.
    let answer = console.send("GET /x HTTP/1.1\r\nConnection: close\r\nHost: rebound.example\r\n\r\n").await;
    assert_eq!(answer.status, 403);
    let answer = console.send("GET /metrics HTTP/1.0\r\n\r\n").await;
    assert_eq!(answer.status, 400);
}
