//go:build browser

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// server is hdmnet serve in a process of its own.
type server struct {
	t    *testing.T
	addr string
	args []string
	cmd  *exec.Cmd
	log  bytes.Buffer
}

// serving starts a server with flags, and waits until it answers.
func serving(t *testing.T, flags ...string) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: l.Addr().String()}
	l.Close()
	s.args = append([]string{"serve", "--addr", s.addr, "--device", "cpu"}, flags...)
	s.start()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("the server said:\n%s", s.log.String())
		}
	})
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command(os.Args[0], s.args...)
	s.cmd.Env = append(os.Environ(), asProgram+"=1")
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		if r, err := http.Get(s.url() + "/api/state"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
	}
	s.kill()
	s.t.Fatalf("the server does not answer within 30 seconds; it said:\n%s", s.log.String())
}

// kill ends the server as kill -9 does.
func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *server) url() string { return "http://" + s.addr }

// state is what the server says there is.
func (s *server) state() (v struct {
	Images  []struct{ ID, Name string }
	Classes []struct {
		Name      string
		Threshold float64
	}
	Supports []struct {
		Image   string
		Class   int
		Strokes []json.RawMessage
	}
	Masks []struct {
		Image     string
		Class     int
		Status    string
		Corrected bool
		Stale     bool
	}
}) {
	s.t.Helper()
	r, err := http.Get(s.url() + "/api/state")
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	if err := json.NewDecoder(r.Body).Decode(&v); err != nil {
		s.t.Fatal(err)
	}
	return v
}

// masks counts those of a class.
func (s *server) masks(class int) (n int) {
	s.t.Helper()
	for _, m := range s.state().Masks {
		if m.Class == class {
			n++
		}
	}
	return n
}

// tab is a page in a headless browser.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	messages []string // errors and warnings of the console
}

// browse opens an address in a browser of its own, in a window of a 13-inch screen's size.
func browse(t *testing.T, url string) *tab {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("there is no chromium on the PATH (Debian: apt install chromium)")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.WindowSize(1280, 800))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatalf("the browser does not start: %v", err)
	}
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	b.do(chromedp.EmulateViewport(1280, 800), chromedp.Navigate(url))
	b.until(`document.querySelectorAll('#grid .tile').length > 0`)
	return b
}

func (b *tab) hear(event any) {
	text := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Text
		if x := e.ExceptionDetails.Exception; x != nil {
			text += " " + x.Description
		}
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			for _, arg := range e.Args {
				text += string(arg.Value) + arg.Description + " "
			}
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			text = e.Entry.Text + " " + e.Entry.URL
		}
	}
	if text == "" {
		return
	}
	b.mu.Lock()
	b.messages = append(b.messages, text)
	b.mu.Unlock()
}

// quiet fails the test if the page wrote an error or a warning to its console. What has one
// of the words in it is expected.
func (b *tab) quiet(expected ...string) {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
next:
	for _, m := range b.messages {
		for _, word := range expected {
			if strings.Contains(m, word) {
				continue next
			}
		}
		b.t.Errorf("the console says: %s", m)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// ask evaluates an expression, which may be a promise.
func ask[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// until waits for an expression to become true.
func (b *tab) until(expression string) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, chromedp.Poll[bool]("!!("+expression+")", chromedp.WithPollingInterval(30*time.Millisecond), chromedp.WithPollingTimeout(40*time.Second))); err != nil {
		shot, _ := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		name := ""
		if f, err := os.CreateTemp("", "hdmnet-page-*.png"); err == nil {
			_, _ = f.Write(shot)
			f.Close()
			name = f.Name()
		}
		focus, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.hasFocus() + ' ' + document.activeElement.outerHTML.slice(0, 200)`))
		b.t.Fatalf("%s does not become true: %v; the page is in %s; focus: %s", expression, err, name, focus)
	}
}

// press types keys; what is held meanwhile are modifiers. As with a keyboard, a key that the
// page takes for itself types nothing.
func (b *tab) press(keys string, held ...chromedp.Modifier) {
	b.t.Helper()
	modifiers := chromedp.Modifier(0)
	for _, m := range held {
		modifiers |= m
	}
	for _, r := range keys {
		events := kb.Encode(r)
		down, up := *events[0], *events[len(events)-1]
		if len(events) == 3 && modifiers&(kb.ModifierCtrl|kb.ModifierAlt) == 0 {
			down.Text = events[1].Text
		}
		for _, e := range []input.DispatchKeyEventParams{down, up} {
			e.Modifiers |= int64(modifiers)
			if _, err := chromedp.Call(b.ctx, input.DispatchKeyEvent, e); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}

// escape closes the dialog that is open.
func (b *tab) escape() {
	b.t.Helper()
	b.press(kb.Escape)
	b.until(`!document.querySelector('dialog[open]')`)
}

// click clicks on the control that a selector names, where a person would.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector)))
}

// at is where a pixel of the shown picture is on the screen.
func (b *tab) at(x, y float64) (float64, float64) {
	b.t.Helper()
	p := ask[[]float64](b, fmt.Sprintf(`(async () => {
		const { toScreen } = await import('/static/camera.js');
		const box = document.getElementById('canvas').getBoundingClientRect();
		const [x, y] = toScreen(%g, %g);
		return [x + box.left, y + box.top];
	})()`, x, y))
	return p[0], p[1]
}

// mark clicks on a pixel of the picture.
func (b *tab) mark(x, y float64) {
	b.t.Helper()
	sx, sy := b.at(x, y)
	b.do(chromedp.MouseClickXY(sx, sy))
}

// drag draws from one pixel of the picture to another.
func (b *tab) drag(x0, y0, x1, y1 float64) {
	b.t.Helper()
	ax, ay := b.at(x0, y0)
	bx, by := b.at(x1, y1)
	steps := []chromedp.Action[chromedp.Void]{chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, ax, ay, chromedp.ButtonLeft, chromedp.ClickCount(1))}
	for i := 1; i <= 6; i++ {
		f := float64(i) / 6
		steps = append(steps, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, ax+f*(bx-ax), ay+f*(by-ay), chromedp.ButtonLeft))
	}
	b.do(append(steps, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, bx, by, chromedp.ButtonLeft, chromedp.ClickCount(1)))...)
}

// open shows a picture of the list by the end of its name.
func (b *tab) open(name string) {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector('#grid .tile[aria-label*="%s"]').scrollIntoView()`, name)))
	b.click(fmt.Sprintf(`#grid .tile[aria-label*="%s"]`, name))
	b.shown(name)
}

// shown waits until a picture and its masks are on the canvas.
func (b *tab) shown(name string) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.getElementById('title').textContent.includes('%s') && document.getElementById('canvas').dataset.image === document.querySelector('#grid [aria-current]').dataset.image`, name))
	b.settled()
}

// settled waits until nothing is on its way.
func (b *tab) settled() {
	b.t.Helper()
	ask[bool](b, `(async () => {
		const { shown } = await import('/static/shown.js');
		const { preview } = await import('/static/preview.js');
		for (let calm = 0; calm < 3; calm = shown.loading || preview().waiting ? 0 : calm + 1) await new Promise(done => setTimeout(done, 20));
		return true;
	})()`)
}

// found waits for the end of a run that finds the class that is looked at in n pictures.
func (b *tab) found(n int) {
	b.t.Helper()
	b.until(fmt.Sprintf(`document.getElementById('job').hidden && document.querySelector('#filter [data-filter="open"]').textContent === 'Open %d'`, n))
	b.settled()
}
