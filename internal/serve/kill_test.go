package serve

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"hdmnet/internal/cpu"
	"hdmnet/internal/nn"
	"hdmnet/internal/serve/project"
)

// victim is the variable that makes the test a server of the project that it names.
const victim = "HDMNET_TEST_SERVE"

func TestMain(m *testing.M) {
	dir := os.Getenv(victim)
	if dir == "" {
		os.Exit(m.Run())
	}
	dev, err := cpu.New()
	if err != nil {
		panic(err)
	}
	s, err := New(context.Background(), Options{Net: &fakeNet{kept: map[string][]float32{}}, Tape: nn.NewTape(dev), Network: Network{Size: fakeSize},
		Project: dir, Addr: "127.0.0.1:0"})
	if err != nil {
		panic(err)
	}
	fmt.Println(httptest.NewServer(s.Handler()).URL)
	select {}
}

// start runs a server in a process of its own.
func start(t *testing.T, dir string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

// told is what a server has acknowledged.
type told struct {
	mu    sync.Mutex
	masks map[string]project.Status // by picture
	marks map[string]bool
}

// TestKilled: whatever a server has said yes to before it is killed is there afterwards.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	yes := told{masks: map[string]project.Status{}, marks: map[string]bool{}}
	var ids []string
	for round := range 3 {
		cmd, url := start(t, dir)
		if round == 0 {
			ids = begin(t, url)
		}
		var all sync.WaitGroup
		for n := range 4 {
			all.Go(func() {
				for i := 0; ; i++ {
					id := ids[1+n+4*(i%3)] // no two write of one picture
					status := []project.Status{project.Accepted, project.Rejected, project.Proposed}[(i+round)%3]
					if i%5 == n {
						if !put(url+"/api/supports/"+id, `{"class":2,"strokes":[{"tool":"box","x0":1,"y0":1,"x1":9,"y1":9}]}`) {
							return
						}
						yes.mu.Lock()
						yes.marks[id] = true
						yes.mu.Unlock()
					}
					yes.mu.Lock()
					delete(yes.masks, id) // until it is acknowledged either may be
					yes.mu.Unlock()
					if !put(url+"/api/masks/"+id+"/1", fmt.Sprintf(`{"status":%q}`, status)) {
						return
					}
					yes.mu.Lock()
					yes.masks[id] = status
					yes.mu.Unlock()
				}
			})
		}
		time.Sleep(150 * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // it was killed
		all.Wait()

		p, err := project.Open(dir, nil, project.Limits{Images: 1000, Classes: 10})
		if err != nil {
			t.Fatal(err)
		}
		for id, status := range yes.masks {
			r, err := p.Record(id)
			if err != nil {
				t.Fatal(err)
			}
			if m := r.Mask(1); m == nil || m.Status != status {
				t.Errorf("round %d: %s was %s, is %+v", round, id, status, m)
			}
			if _, err := p.Probabilities(r, 1); err != nil {
				t.Error(err)
			}
			if fixed, err := p.FixedMask(r, 1); err != nil || (fixed == nil) != (status != project.Accepted) {
				t.Errorf("round %d: %s is %s, its mask has %d pixels: %v", round, id, status, len(fixed), err)
			}
		}
		for id := range yes.marks {
			if r, err := p.Record(id); err != nil || r.Support(2) == nil {
				t.Errorf("round %d: support %s is lost: %v", round, id, err)
			}
		}
		p.Close()
	}
	if len(yes.masks) < 5 || len(yes.marks) < 2 {
		t.Errorf("only %d masks and %d supports were acknowledged", len(yes.masks), len(yes.marks))
	}
}

// begin makes a project with thirteen pictures and their masks.
func begin(t *testing.T, url string) (ids []string) {
	c := client{t, forward(url)}
	var names []string
	var contents [][]byte
	for i := range 13 {
		names, contents = append(names, "p.png"), append(contents, scene(40+i, 40, 200, squares[3]))
	}
	ids = c.upload(names, contents...)
	c.ask("POST", "/api/classes", `{"name":"one"}`, http.StatusCreated, nil)
	c.ask("POST", "/api/classes", `{"name":"two"}`, http.StatusCreated, nil)
	c.ask("PUT", "/api/supports/"+ids[0], `{"class":1,"strokes":[{"tool":"box","x0":1,"y0":1,"x1":9,"y1":9}]}`, http.StatusOK, nil)
	c.run(`{"classes":[1]}`)
	return ids
}

// forward sends requests to a server elsewhere.
func forward(url string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out, err := http.NewRequest(r.Method, url+r.URL.String(), r.Body)
		if err != nil {
			panic(err)
		}
		out.Header = r.Header
		answer, err := http.DefaultClient.Do(out)
		if err != nil {
			panic(err)
		}
		defer answer.Body.Close()
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, answer.Body)
	})
}

// put tells whether a server said yes.
func put(url, body string) bool {
	r, err := http.NewRequest("PUT", url, bytes.NewReader([]byte(body)))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	var v json.RawMessage
	return answer.StatusCode == http.StatusOK && json.NewDecoder(answer.Body).Decode(&v) == nil
}
