package serve

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func request(method, path, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1:8080"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// Who may ask, for what, and in what form.
func TestGuard(t *testing.T) {
	open := client{t, newServer(t, &fakeNet{}, nil).Handler()}
	kind := []string{"Content-Type", "application/json"}
	for _, x := range []struct {
		r      *http.Request
		status int
	}{
		{request("GET", "/api/state", "", "Host", "localhost"), 200},
		{request("GET", "/api/state", "", "Host", "[::1]:8080"), 200},
		{request("GET", "/api/state", "", "Host", "evil.example:8080"), 421},
		{request("GET", "/api/state", "", "Host", "127.0.0.1.evil.example"), 421},
		{request("GET", "/", "", "Host", "192.168.0.7:8080"), 421},
		{request("GET", "/api/state", "", "Sec-Fetch-Site", "cross-site"), 403},
		{request("GET", "/api/state", "", "Sec-Fetch-Site", "same-origin"), 200},
		{request("GET", "/", "", "Sec-Fetch-Site", "cross-site"), 200}, // a link that somebody follows
		{request("POST", "/api/classes", `{"name":"a"}`, append(kind, "Origin", "http://evil.example")...), 403},
		{request("POST", "/api/classes", `{"name":"a"}`, append(kind, "Sec-Fetch-Site", "cross-site")...), 403},
		{request("POST", "/api/classes", `{"name":"a"}`, append(kind, "Origin", "http://127.0.0.1:8080")...), 201},
		{request("POST", "/api/classes", `{"name":"b"}`, "Content-Type", "text/plain"), 415},
		{request("POST", "/api/classes", `{"name":"b"}`), 415},
		{request("POST", "/api/classes", `{"name":"b"} {}`, kind...), 400},
		{request("POST", "/api/classes", `{"name":"b","tint":"x"}`, kind...), 400},
		{request("POST", "/api/classes", `{"name":"`+strings.Repeat("a", maxBody)+`"}`, kind...), 413},
		{request("POST", "/api/images", `{"name":"b"}`, kind...), 415},
		{request("PUT", "/api/state", "", kind...), 404},
		{request("GET", "/api/nothing", ""), 404},
		{request("GET", "/nothing", ""), 404},
		{request("GET", "/metrics", ""), 200},
	} {
		open.send(x.r, x.status, nil)
	}
	w := httptest.NewRecorder()
	open.h.ServeHTTP(w, request("GET", "/", ""))
	for name, want := range map[string]string{"Content-Security-Policy": "default-src 'self'", "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"} {
		if got := w.Header().Get(name); !strings.Contains(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}

	const token = "correct-horse-battery"
	closed := client{t, newServer(t, &fakeNet{}, func(o *Options) { o.Addr, o.Token = "0.0.0.0:8080", token }).Handler()}
	link := httptest.NewRecorder()
	closed.h.ServeHTTP(link, request("GET", "/?token="+token, "", "Host", "labels.example"))
	cookie := link.Result().Cookies()
	if link.Code != http.StatusSeeOther || len(cookie) != 1 || !cookie[0].HttpOnly || strings.Contains(cookie[0].Value, token) {
		t.Fatal(link.Code, cookie)
	}
	basic := request("GET", "/api/state", "")
	basic.SetBasicAuth("hdmnet", token)
	for _, x := range []struct {
		r      *http.Request
		status int
	}{
		{request("GET", "/api/state", "", "Host", "labels.example"), 401},
		{request("GET", "/", ""), 401},
		{request("GET", "/metrics", ""), 401},
		{request("GET", "/?token=wrong", ""), 401},
		{request("POST", "/?token="+token, ""), 401},
		{request("GET", "/api/state", "", "Authorization", "Bearer "+token+"x"), 401},
		{request("GET", "/api/state", "", "Authorization", "Bearer "), 401},
		{request("GET", "/api/state", "", "Authorization", "Bearer "+token, "Host", "labels.example"), 200},
		{request("GET", "/api/state", "", "Cookie", cookie[0].Name+"="+cookie[0].Value), 200},
		{request("GET", "/api/state", "", "Cookie", cookie[0].Name+"="+token), 401},
		{request("GET", "/api/state", "", "Authorization", "Bearer "+token, "Sec-Fetch-Site", "cross-site"), 403},
		{basic, 200},
	} {
		closed.send(x.r, x.status, nil)
	}
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true,
		"0.0.0.0:1": false, ":1": false, "10.0.0.1:1": false, "localhost.example:1": false, "127.0.0.1": false} {
		if Loopback(addr) != want {
			t.Errorf("%s: loopback %v", addr, !want)
		}
	}
}

// huge is a PNG whose header claims a size.
func huge(w, h uint32) []byte {
	chunk := append([]byte("IHDR"), make([]byte, 13)...)
	binary.BigEndian.PutUint32(chunk[4:], w)
	binary.BigEndian.PutUint32(chunk[8:], h)
	chunk[12], chunk[13] = 8, 2
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), chunk...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
}

// What is too much is refused before it is decoded or stored.
func TestLimits(t *testing.T) {
	s := newServer(t, &fakeNet{}, func(o *Options) { o.MaxFile, o.MaxPixels, o.MaxDisk = 100_000, 1_000_000, 300_000 })
	c := client{t, s.Handler()}
	good := scene(64, 64, 1)
	for _, x := range []struct {
		content      []byte
		what, remedy string
	}{
		{bytes.Repeat([]byte("x"), 100_001), "at most", "--max-file"},
		{huge(60_000, 60_000), "3600000000", "--max-pixels"},
		{huge(2000, 2000), "more than the 1000000", "cut it into tiles"},
		{huge(70_000, 2), "expected 1 to 65536 a side", "another picture"},
		{[]byte("%PDF-1.7"), "PDF", "another picture"},
		{nil, "not a picture", "another picture"},
	} {
		r := uploadRequest([]string{"x.png"}, x.content)
		var out taken
		c.send(r, http.StatusOK, &out)
		if len(out.Refused) != 1 || !strings.Contains(out.Refused[0].Error.What, x.what) || !strings.Contains(out.Refused[0].Error.Remedy, x.remedy) {
			t.Errorf("%+v, want %q", out, x.what)
		}
	}
	var out taken
	c.send(uploadRequest([]string{"bad.png", "../../good.png"}, []byte("no"), good), 200, &out)
	if len(out.Images) != 1 || len(out.Refused) != 1 {
		t.Fatalf("%+v", out)
	}
	if again := c.upload([]string{"again.png"}, good); again[0] != out.Images[0].ID || len(c.state().Images) != 1 {
		t.Error("one picture is there twice")
	}
	// A picture that is cut short shows when it is looked at.
	cut := c.upload([]string{"cut.png"}, scene(65, 65, 1)[:200])
	c.failure("GET", "/api/images/"+cut[0]+"/thumb", nil, 422, "cut")
	// The disk: noise does not compress.
	noise := make([]byte, 90_000)
	for i := range noise {
		noise[i] = byte(i * i >> 3)
	}
	full := false
	for i := range 5 {
		content := append(scene(66+i, 66, 9), noise...)
		w := httptest.NewRecorder()
		c.h.ServeHTTP(w, uploadRequest([]string{"n.png"}, content))
		full = full || w.Code == http.StatusInsufficientStorage && strings.Contains(w.Body.String(), "--max-disk")
	}
	if !full {
		t.Error("five pictures of 90 kB fit 300 kB")
	}

	id := out.Images[0].ID
	for _, x := range []struct {
		method, path, body string
		status             int
		what               string
	}{
		{"GET", "/api/images/" + id + "?max=1", "", 400, `max="1"`},
		{"GET", "/api/images/..%2f..%2fetc", "", 400, "no id"},
		{"GET", "/api/images/" + strings.Repeat("0", 32), "", 404, "no picture"},
		{"POST", "/api/preview", `{"image":"` + id + `","strokes":[]}`, 400, "no strokes"},
		{"POST", "/api/preview", `{"image":"` + id + `","strokes":[{"tool":"point","add":true,"x":64,"y":0}]}`, 400, "stroke 1: point 64,0 is outside"},
		{"POST", "/api/preview", `{"image":"` + id + `","strokes":[{"tool":"laser"}]}`, 400, "no tool"},
		{"POST", "/api/preview", `{"image":"` + id + `","strokes":[{"tool":"point","x":3,"y":3}]}`, 400, "only the background"},
		{"POST", "/api/preview", `{"image":"` + id + `","strokes":[{"tool":"brush","add":true,"width":1e9,"points":[[1,1]]}]}`, 400, "width"},
		{"GET", "/api/supports/" + id + "/1.png", "", 404, "no class 1"},
		{"GET", "/api/masks/" + id + "/1.jpg", "", 404, "1.jpg"},
		{"GET", "/api/masks/" + id + "/x.png", "", 400, "no id of a class"},
		{"POST", "/api/run", `{"classes":[3]}`, 404, "no class 3"},
		{"GET", "/api/jobs/j9/events", "", 404, "no job"},
		{"POST", "/api/export", `{"format":"pdf"}`, 400, "format"},
	} {
		var body any
		if x.body != "" {
			body = x.body
		}
		c.failure(x.method, x.path, body, x.status, x.what)
	}
}
