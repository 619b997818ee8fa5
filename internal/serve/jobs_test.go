package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"hdmnet/internal/op"
	"hdmnet/internal/serve/studio"
)

// many is a project with n pictures and a class that is marked in the first.
func many(t *testing.T, net *fakeNet, n int, change func(*Options)) (client, *Server, []string) {
	s := newServer(t, net, change)
	c := client{t, s.Handler()}
	var names []string
	var contents [][]byte
	for i := range n {
		names, contents = append(names, fmt.Sprintf("p%d.png", i)), append(contents, scene(48+i, 48, 200, squares[3]))
	}
	ids := c.upload(names, contents...)
	c.ask("POST", "/api/classes", `{"name":"square"}`, http.StatusCreated, nil)
	c.ask("PUT", "/api/supports/"+ids[0], `{"class":1,"strokes":[{"tool":"box","x0":2,"y0":2,"x1":20,"y1":20}]}`, http.StatusOK, nil)
	return c, s, ids
}

// A job stops after the picture at hand; what is visible comes first; what has been done is
// told again.
func TestJobs(t *testing.T) {
	net := &fakeNet{slow: 20 * time.Millisecond}
	c, s, ids := many(t, net, 40, func(o *Options) { o.Network.Size = fakeSize })
	server := httptest.NewServer(c.h)
	defer server.Close()
	var j studio.JobEntry
	c.ask("POST", "/api/run", `{"classes":[1]}`, http.StatusAccepted, &j)
	c.ask("POST", "/api/jobs/"+j.ID+"/first", `{"queries":["`+ids[39]+`","`+ids[38]+`"]}`, http.StatusNoContent, nil)
	answer, err := http.Get(server.URL + "/api/jobs/" + j.ID + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	masks := 0
	for lines.Scan() && masks < 3 {
		if strings.HasPrefix(lines.Text(), "event: mask") {
			masks++
		}
	}
	start := net.count()
	c.ask("DELETE", "/api/jobs/"+j.ID, nil, http.StatusNoContent, nil)
	end := ""
	for lines.Scan() {
		end += lines.Text() + "\n"
	}
	if !strings.Contains(end, `event: end`) || !strings.Contains(end, `"canceled"`) {
		t.Errorf("the stream ends with %q", end)
	}
	if more := net.count() - start; more > 2 {
		t.Errorf("%d passes after the end", more)
	}
	done := map[string]bool{}
	for _, e := range c.events(j.ID) {
		if e.kind == "mask" {
			done[e.data["image"].(string)] = true
		}
	}
	if !done[ids[39]] && !done[ids[38]] || len(done) > 30 || len(done) < 3 {
		t.Errorf("%d were done, first those that were wanted: %v %v", len(done), done[ids[39]], done[ids[38]])
	}

	// What has no support is told at once; of jobs there may be so many.
	c.ask("POST", "/api/classes", `{"name":"new"}`, http.StatusCreated, nil)
	c.failure("POST", "/api/run", `{"classes":[2]}`, http.StatusConflict, "no support")
	var jobs []string
	for range maxJobs {
		c.ask("POST", "/api/run", `{"classes":[1]}`, http.StatusAccepted, &j)
		jobs = append(jobs, j.ID)
	}
	c.failure("POST", "/api/run", `{"classes":[1]}`, http.StatusTooManyRequests, "16 jobs")
	for _, id := range jobs {
		c.ask("DELETE", "/api/jobs/"+id, nil, http.StatusNoContent, nil)
	}
	for _, id := range jobs {
		c.events(id)
	}
	if n := s.engine.Stats().Waiting; n > 0 {
		c.run(`{"classes":[1],"queries":["` + ids[1] + `"]}`) // takes what nobody waits for out
		if n := s.engine.Stats().Waiting; n > 0 {
			t.Errorf("%d wait for nobody", n)
		}
	}
}

func (n *fakeNet) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.passes
}

// Pictures go to the device together once the supports are known, and a picture that is
// known is not read again.
func TestBatches(t *testing.T) {
	net := &fakeNet{slow: 5 * time.Millisecond}
	c, s, ids := many(t, net, 30, nil)
	c.run(`{"classes":[1]}`)
	if net.batch < 2 {
		t.Errorf("the largest batch has %d", net.batch)
	}
	before := s.engine.Stats()
	c.ask("PUT", "/api/supports/"+ids[1], `{"class":1,"strokes":[{"tool":"box","x0":2,"y0":2,"x1":30,"y1":20}]}`, http.StatusOK, nil)
	c.run(`{"classes":[1]}`)
	after := s.engine.Stats()
	if n := after.Queries - before.Queries; n != 28 || after.Kept-before.Kept != n {
		t.Errorf("%d pictures, of which %d were known", n, after.Kept-before.Kept)
	}
}

// A device that fails is an error of the picture; a defect too, and the server goes on.
func TestFailures(t *testing.T) {
	net := &fakeNet{}
	said := ""
	c, _, _ := many(t, net, 4, func(o *Options) { o.Warn = func(m string) { said += m } })
	for _, x := range []struct {
		fail func()
		want string
	}{
		{func() { panic(&op.DeviceError{Err: errors.New("the GPU fell off the bus")}) }, "fell off the bus"},
		{func() { panic("index out of range") }, "internal error"},
	} {
		net.fail = x.fail
		all := c.run(`{"classes":[1]}`)
		failed := slices.DeleteFunc(all, func(e event) bool { return e.kind != "failed" })
		if len(failed) != 3 || !strings.Contains(fmt.Sprint(failed[0].data["error"]), x.want) {
			t.Errorf("%v", failed)
		}
	}
	if !strings.Contains(said, "index out of range") || !strings.Contains(said, "fake_test.go") {
		t.Errorf("nobody was told of the defect: %q", said)
	}
	net.fail = nil
	if all := c.run(`{"classes":[1]}`); all[len(all)-1].data["state"] != "done" {
		t.Errorf("%v", all)
	}
}

// Find is what other parts of the program ask.
func TestPredict(t *testing.T) {
	s := newServer(t, &fakeNet{}, nil)
	a, b := scene(60, 40, 200, squares[3]), scene(80, 50, 200)
	mask := make([]uint8, 60*40)
	for i := range mask {
		mask[i] = 1
	}
	p, h, w, err := s.Predict(context.Background(), []Picture{{Content: a, Name: "a", Mask: mask}}, Picture{Content: a, Name: "a"})
	if err != nil || h != 40 || w != 60 || p[0] < 0.7 {
		t.Error(h, w, err)
	}
	if _, _, _, err := s.Predict(context.Background(), []Picture{{Content: b, Name: "b", Mask: mask}}, Picture{Content: a, Name: "a"}); err == nil || !strings.Contains(err.Error(), "80×50") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, _, err := s.Predict(ctx, []Picture{{Content: a, Name: "a", Mask: mask}}, Picture{Content: b, Name: "b"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Sixteen clients leave nothing behind.
func TestClients(t *testing.T) {
	c, _, ids := many(t, &fakeNet{}, 12, nil)
	server := httptest.NewServer(c.h)
	http.DefaultClient.CloseIdleConnections()
	var all sync.WaitGroup
	work := func(rounds int) {
		for n := range 16 {
			all.Go(func() {
				for i := range rounds {
					id := ids[1+(n+i)%11]
					for _, path := range []string{"/api/state", "/api/images/" + id + "?max=40", "/api/images/" + id + "/thumb", "/metrics"} {
						get(t, server.URL+path)
					}
					r, err := http.Post(server.URL+"/api/run", "application/json", strings.NewReader(`{"classes":[1],"queries":["`+id+`"]}`))
					if err != nil {
						t.Error(err)
						return
					}
					_ = r.Body.Close()
					if r.StatusCode != http.StatusAccepted && r.StatusCode != http.StatusTooManyRequests {
						t.Error(r.Status)
					}
				}
			})
		}
		all.Wait()
	}
	settle := func() int {
		for range 50 {
			if c.state().Jobs[len(c.state().Jobs)-1].State == studio.Done {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		http.DefaultClient.CloseIdleConnections()
		time.Sleep(50 * time.Millisecond)
		return runtime.NumGoroutine()
	}
	work(2)
	before := settle()
	work(8)
	after := settle()
	if after > before+4 {
		t.Errorf("%d goroutines, then %d", before, after)
	}
	server.Close()
}

func get(t *testing.T, url string) {
	r, err := http.Get(url)
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		t.Error(url, r.Status)
	}
	_, err = io.Copy(io.Discard, r.Body)
	if err != nil {
		t.Error(err)
	}
}
