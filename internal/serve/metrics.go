package serve

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"hdmnet/internal/serve/studio"
)

// meter counts requests.
type meter struct {
	mu       sync.Mutex
	requests map[[2]string]int64   // by pattern and class of status
	seconds  map[string]*histogram // by pattern
}

// bounds are those of a histogram's cells, in seconds.
var bounds = [...]float64{0.01, 0.03, 0.1, 0.3, 1, 3, 10}

type histogram struct {
	cells [len(bounds)]int64
	count int64
	sum   float64
}

// noted sees the status of an answer.
type noted struct {
	http.ResponseWriter
	status int
}

func (n *noted) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (n *noted) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// count counts the requests to a mux.
func (m *meter) count(mux *http.ServeMux) http.Handler {
	m.requests, m.seconds = map[[2]string]int64{}, map[string]*histogram{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start, n := time.Now(), &noted{w, http.StatusOK}
		mux.ServeHTTP(n, r)
		took := time.Since(start).Seconds()
		m.mu.Lock()
		defer m.mu.Unlock()
		m.requests[[2]string{r.Pattern, fmt.Sprintf("%dxx", n.status/100)}]++
		h := m.seconds[r.Pattern]
		if h == nil {
			h = &histogram{}
			m.seconds[r.Pattern] = h
		}
		h.count++
		h.sum += took
		for i, b := range bounds {
			if took <= b {
				h.cells[i]++
			}
		}
	})
}

// getMetrics writes the numbers in Prometheus' text format.
func (s *Server) getMetrics(w http.ResponseWriter, _ *http.Request) {
	var b strings.Builder
	head := func(name, kind, help string) { fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind) }
	one := func(name, kind, help string, v any) {
		head(name, kind, help)
		fmt.Fprintf(&b, "%s %v\n", name, v)
	}
	e, records := s.engine.Stats(), s.project.Records()
	state := map[studio.JobState]int{studio.Queued: 0, studio.Running: 0, studio.Done: 0, studio.Canceled: 0, studio.Failed: 0}
	for _, j := range s.studio.State().Jobs {
		state[j.State]++
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	one("hdmnet_queries_total", "counter", "Pictures that the network has looked at.", e.Queries)
	one("hdmnet_queries_kept_total", "counter", "Those of them whose features were kept.", e.Kept)
	one("hdmnet_batches_total", "counter", "Passes of the network.", e.Batches)
	one("hdmnet_device_busy_seconds_total", "counter", "Time of these passes.", e.Busy.Seconds())
	one("hdmnet_queue_length", "gauge", "Pictures that wait for the network.", e.Waiting)
	one("hdmnet_masks_found_total", "counter", "Masks that jobs have put into the project.", s.studio.Found.Load())
	one("hdmnet_images", "gauge", "Pictures in the project.", len(records))
	one("hdmnet_project_bytes", "gauge", "Size of the project's files.", s.project.Used())
	head("hdmnet_jobs", "gauge", "Jobs that are remembered, by state.")
	for _, k := range slices.Sorted(maps.Keys(state)) {
		fmt.Fprintf(&b, "hdmnet_jobs{state=%q} %d\n", k, state[k])
	}
	s.meter.write(&b, head)
	one("process_start_time_seconds", "gauge", "Start of the server, seconds since 1970.", s.started.Unix())
	one("go_goroutines", "gauge", "Goroutines.", runtime.NumGoroutine())
	one("go_memstats_heap_inuse_bytes", "gauge", "Heap in use.", memory.HeapInuse)
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = fmt.Fprint(w, b.String()) // whoever asked has gone
}

func (m *meter) write(b *strings.Builder, head func(name, kind, help string)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	head("hdmnet_http_requests_total", "counter", "Requests by route and status.")
	keys := slices.SortedFunc(maps.Keys(m.requests), func(x, y [2]string) int { return strings.Compare(x[0]+x[1], y[0]+y[1]) })
	for _, k := range keys {
		fmt.Fprintf(b, "hdmnet_http_requests_total{route=%q,status=%q} %d\n", k[0], k[1], m.requests[k])
	}
	head("hdmnet_http_request_seconds", "histogram", "Time of requests by route.")
	for _, k := range slices.Sorted(maps.Keys(m.seconds)) {
		h := m.seconds[k]
		for i, v := range bounds {
			fmt.Fprintf(b, "hdmnet_http_request_seconds_bucket{route=%q,le=\"%g\"} %d\n", k, v, h.cells[i])
		}
		fmt.Fprintf(b, "hdmnet_http_request_seconds_bucket{route=%q,le=\"+Inf\"} %d\nhdmnet_http_request_seconds_sum{route=%q} %g\nhdmnet_http_request_seconds_count{route=%q} %d\n", k, h.count, k, h.sum, k, h.count)
	}
}
