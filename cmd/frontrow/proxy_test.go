package main

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"frontrow/internal/testenv"
)

// oddShop does what its paths say.
func oddShop(hang <-chan struct{}) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		case "/dies":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("half"))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/lies":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nmore than three")
				_ = conn.Close()
			}
		case "/mumbles":
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(conn, "this is no HTTP\r\n\r\n")
				_ = conn.Close()
			}
		case "/upload":
			sum := sha256.New()
			n, _ := io.Copy(sum, r.Body)
			fmt.Fprintf(w, "%d %x", n, sum.Sum(nil))
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: first\n\n")
			_ = http.NewResponseController(w).Flush()
			select {
			case <-hang:
				fmt.Fprint(w, "data: second\n\n")
			case <-r.Context().Done():
			}
		case "/socket":
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", r.Header.Get("Upgrade"))
			w.WriteHeader(http.StatusSwitchingProtocols)
			conn, both, err := http.NewResponseController(w).Hijack()
			if err == nil {
				line, _ := both.ReadString('\n')
				fmt.Fprintf(conn, "echo %s", line)
				_ = conn.Close()
			}
		case "/bought":
			w.Header().Set("X-Frontrow-End", "admission")
			w.Header().Set("X-Frontrow-Else", "ours")
			fmt.Fprint(w, "thank you")
		default:
			fmt.Fprintf(w, "%s %s", r.Method, r.URL.Path)
		}
	}
}

// oddly opens such a shop and somebody inside, with the cookie that proves it.
func oddly(t *testing.T) (s *shopfront, v *agent, cookie string, goOn chan struct{}) {
	t.Helper()
	goOn = make(chan struct{})
	s = backend{}.shop(t, oddShop(goOn), func(route, _ map[string]any) { route["timeout_seconds"] = 1 })
	v = s.insider(t)
	return s, v, "fr_place_" + s.show + "=" + v.placeAt(shopURL), goOn
}

func TestTheShopEndsAnAdmission(t *testing.T) {
	t.Parallel()
	s, v, _, _ := oddly(t)
	number := s.served.last(t).Header.Get("X-Frontrow-Number")
	a := v.get(shopURL+"/bought").wants(t, http.StatusOK)
	for name := range a.Header {
		if strings.HasPrefix(name, "X-Frontrow-") {
			t.Errorf("%s came through to the visitor", name)
		}
	}
	s.shut()
	v.get(shopURL+"/").waits(t, s.show)
	s.rules(map[string]any{"paused": false})
	testenv.Wait(t, 10*time.Second, func() bool { return v.get(shopURL+"/").StatusCode == http.StatusOK }, "nobody comes in again")
	if again := s.served.last(t).Header.Get("X-Frontrow-Number"); again == number {
		t.Errorf("inside again by the admission that was ended, number %s", again)
	}
	s.verifies(s.show)
}

func TestUpstreamsThatFail(t *testing.T) {
	t.Parallel()
	_, v, _, _ := oddly(t)
	v.get(shopURL+"/hang").refuses(t, http.StatusGatewayTimeout, "upstream_timeout")
	v.get(shopURL+"/mumbles").refuses(t, http.StatusBadGateway, "upstream_failed")
	if response, err := v.Get(shopURL + "/dies"); err == nil { // else the visitor is cut off before anything came
		if body, err := io.ReadAll(response.Body); err == nil {
			t.Errorf("half an answer passes for a whole one: %q", body)
		}
		response.Body.Close()
	}
	if a := v.get(shopURL+"/lies").wants(t, http.StatusOK); a.text != "mor" {
		t.Errorf("more came through than was announced: %q", a.text)
	}
	v.get(shopURL+"/after").wants(t, http.StatusOK)
}

func TestAShopThatIsDown(t *testing.T) {
	t.Parallel()
	s := backend{}.shop(t, nil, func(route, _ map[string]any) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		must(t, err)
		l.Close()
		route["upstream"] = "http://" + l.Addr().String()
	})
	if a := s.agent().get(shopURL+"/").refuses(t, http.StatusBadGateway, "upstream_failed"); a.Header.Get("Retry-After") == "" {
		t.Error("not told when to come again")
	}
	if metrics := string(s.do(call{method: "GET", path: "/metrics"}).body); !strings.Contains(metrics, `frontrow_proxy_upstream_failures_total{code="upstream_failed",show="`+s.show+`"} 1`) {
		t.Error("it is not counted")
	}
}

// endless is a body of so many bytes that nobody has whole.
type endless struct {
	left int64
	sum  hash.Hash
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), e.left))
	for i := range p[:n] {
		p[i] = byte(e.left) + byte(i)
	}
	e.left -= int64(n)
	e.sum.Write(p[:n])
	return n, nil
}

func TestLargeUploadsPass(t *testing.T) {
	t.Parallel()
	_, v, _, _ := oddly(t)
	const size = 64 << 20
	for _, length := range []int64{size, -1} { // announced, and in chunks
		body := &endless{size, sha256.New()}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, shopURL+"/upload", body)
		must(t, err)
		request.ContentLength = length
		if a := v.send(request).wants(t, http.StatusOK); a.text != fmt.Sprintf("%d %x", size, body.sum.Sum(nil)) {
			t.Errorf("the shop has %s", a.text)
		}
	}
}

func TestEventsComeAtOnce(t *testing.T) {
	t.Parallel()
	_, v, _, goOn := oddly(t)
	response, err := v.Get(shopURL + "/events")
	must(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	first, err := lines.ReadString('\n') // while the shop has not gone on
	must(t, err)
	close(goOn)
	rest, err := io.ReadAll(lines)
	must(t, err)
	if first != "data: first\n" || !strings.Contains(string(rest), "second") {
		t.Errorf("told %q and %q", first, rest)
	}
}

// raw sends bytes to the proxy, and returns all that comes back until it hangs up.
func (s *shopfront) raw(text string) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.proxy.listener.Addr().String())
	must(s.t, err)
	defer conn.Close()
	must(s.t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	_, err = io.WriteString(conn, text)
	must(s.t, err)
	answer, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, net.ErrClosed) && len(answer) == 0 {
		s.t.Fatal(err)
	}
	return string(answer)
}

func TestWebSocketsPassAndNothingElseDoes(t *testing.T) {
	t.Parallel()
	s, _, cookie, _ := oddly(t)
	asks := func(upgrade, cookie string) string {
		return s.raw("GET /socket HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade, close\r\nUpgrade: " + upgrade + "\r\nCookie: " + cookie + "\r\n\r\n")
	}
	conn, err := net.Dial("tcp", s.proxy.listener.Addr().String())
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	fmt.Fprintf(conn, "GET /socket HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nCookie: %s\r\n\r\n", cookie)
	line := bufio.NewReader(conn)
	response, err := http.ReadResponse(line, nil)
	must(t, err)
	defer response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("a web socket is answered %s", response.Status)
	}
	fmt.Fprint(conn, "hello\n")
	if said, err := line.ReadString('\n'); said != "echo hello\n" {
		t.Errorf("a web socket says %q, %v", said, err)
	}
	before := len(s.served.all())
	for _, upgrade := range []string{"h2c", "websocket, h2c", "TLS/1.2"} {
		if got := asks(upgrade, cookie); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("an upgrade to %s is answered %q", upgrade, got)
		}
	}
	s.shut()
	if got := asks("websocket", ""); !strings.HasPrefix(got, "HTTP/1.1 503 ") {
		t.Errorf("a web socket of somebody who must wait is answered %q", got)
	}
	if n := len(s.served.all()); n != before {
		t.Errorf("%d of them reached the shop", n-before)
	}
}

// What could be read in two ways reaches the shop in one, or not at all.
func TestSmuggledRequestsAndForeignHosts(t *testing.T) {
	t.Parallel()
	s, _, cookie, _ := oddly(t)
	head := "Host: shop.test\r\nCookie: " + cookie + "\r\nConnection: close\r\n"
	before := len(s.served.all())
	for what, text := range map[string]string{
		"two lengths":            "POST /upload HTTP/1.1\r\n" + head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"a length with a sign":   "POST /upload HTTP/1.1\r\n" + head + "Content-Length: +5\r\n\r\nhello",
		"an unknown encoding":    "POST /upload HTTP/1.1\r\n" + head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"two encodings":          "POST /upload HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
		"a space in a name":      "POST /upload HTTP/1.1\r\n" + head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"two hosts":              "GET / HTTP/1.1\r\nHost: evil.test\r\n" + head + "\r\n",
		"no host":                "GET / HTTP/1.1\r\nConnection: close\r\n\r\n",
		"another host":           "GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\nCookie: " + cookie + "\r\n\r\n",
		"another absolute host":  "GET http://evil.test/ HTTP/1.1\r\n" + head + "\r\n",
		"a host with a path":     "GET / HTTP/1.1\r\nHost: shop.test/open\r\nConnection: close\r\n\r\n",
		"a tunnel":               "CONNECT shop.test:80 HTTP/1.1\r\n" + head + "\r\n",
		"a path that climbs":     "GET /open/../buy HTTP/1.1\r\n" + head + "\r\n",
		"one that climbs, coded": "GET /assets/%2e%2e/buy HTTP/1.1\r\n" + head + "\r\n",
		"the other slash":        "GET /assets/..%5cbuy HTTP/1.1\r\n" + head + "\r\n",
	} {
		if got := s.raw(text); !strings.HasPrefix(got, "HTTP/1.1 4") && !strings.HasPrefix(got, "HTTP/1.1 501") {
			t.Errorf("%s is answered %q", what, got)
		}
	}
	if n := len(s.served.all()); n != before {
		t.Errorf("%d of them reached the shop", n-before)
	}
	// Length and encoding together: the encoding counts, and the shop is asked once.
	got := s.raw("POST /upload HTTP/1.1\r\n" + head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: shop.test\r\n\r\n")
	if strings.Count(got, "HTTP/1.1 ") != 1 {
		t.Errorf("answered %q", got)
	}
	for _, r := range s.served.all()[before:] {
		if r.URL.Path != "/upload" || r.Header.Get("Content-Length") != "" && r.TransferEncoding != nil {
			t.Errorf("the shop was asked for %s", r.URL)
		}
	}
}

func TestNobodySaysWhoTheyAre(t *testing.T) {
	t.Parallel()
	s, v, _, _ := oddly(t)
	ask := func(path string) *http.Request {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, shopURL+path, nil)
		must(t, err)
		for _, name := range []string{"X-Frontrow-Visitor", "X-Frontrow-Show", "X-Frontrow-Number", "X-Frontrow-Pass", "X-Frontrow-More", "X-Real-Ip", "Forwarded"} {
			request.Header.Set(name, "somebody-else")
		}
		request.Header.Set("X-Forwarded-For", "192.0.2.1")
		request.Header.Add("Cookie", "cart=1; fr_visitor=somebody; theme=dark")
		v.send(request).wants(t, http.StatusOK)
		return s.served.last(t)
	}
	for _, path := range []string{"/", "/assets/x", "/open/x"} {
		r := ask(path)
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, ","), "somebody") {
				t.Errorf("%s: the shop is told %s: %s", path, name, values)
			}
		}
		if got := r.Header.Get("Cookie"); got != "cart=1; theme=dark" {
			t.Errorf("%s: the shop's own cookies came as %q", path, got)
		}
		// The tests' own address is a trusted proxy's, whose word about others is passed on.
		if got := r.Header.Get("X-Forwarded-For"); got != "192.0.2.1, 127.0.0.1" {
			t.Errorf("%s: it came from %q", path, got)
		}
	}
}
