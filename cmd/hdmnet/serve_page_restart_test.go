//go:build browser

package main

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPageOutlivesTheServer kills the server in the middle of a run. The page says so, goes on by
// itself when the server is back, and everything that was acknowledged is there.
func TestPageOutlivesTheServer(t *testing.T) {
	s := serving(t, "--project", filepath.Join(t.TempDir(), "project"), "--root", photographs)
	b := browse(t, s.url())
	b.addFolder()
	b.open("000000412151") // to come back to
	b.open("000000542145")
	b.press("a")
	b.press("toilet\r")
	b.until(`document.querySelector('.class.current .name')?.textContent === 'toilet'`)
	b.mark(50, 370)
	b.mark(160, 465)
	b.settled()
	b.press(kb.Enter)
	b.until(`document.querySelectorAll('.tile.proposed').length >= 2`)
	s.kill()
	b.until(`!document.getElementById('banner').hidden`)
	b.click(`#grid .tile[aria-label*="000000412151"]`) // its masks wait for the server, marks do not
	b.until(`document.getElementById('title').textContent.includes('000000412151')`)
	b.mark(200, 120)
	s.start()
	kept := s.state()
	if len(kept.Classes) != 2 || len(kept.Images) != 11 || len(kept.Supports) != 2 || s.masks(2) < 2 {
		t.Fatalf("after kill -9: %d classes, %d pictures, %d supports, %d masks", len(kept.Classes), len(kept.Images), len(kept.Supports), s.masks(2))
	}
	b.until(`document.getElementById('banner').hidden`)
	b.found(10)
	if n := s.masks(2); n != 10 {
		t.Errorf("the run that was cut off ends with %d masks; want 10", n)
	}
	if n := ask[int](b, `(async () => (await import('/static/marks.js')).state().strokes.length)()`); n != 1 {
		t.Errorf("%d marks that were drawn while the server was away; want 1", n)
	}
	b.settled()
	b.press(kb.Escape)

	// What a person decided is there after another crash, and in a page that is opened anew.
	b.settled()
	shown := b.mask()
	b.press("y")
	b.until(`document.querySelector('#filter [data-filter="accepted"]').textContent.includes('1')`)
	s.kill()
	s.start()
	b.do(chromedp.Navigate("about:blank"), chromedp.Navigate(s.url()))
	b.until(`document.querySelectorAll('#grid .tile').length === 11`)
	b.press("2")
	b.open("000000412151")
	if !slices.Equal(b.mask(), shown) {
		t.Error("the mask that was accepted is another one after kill -9")
	}
	if !ask[bool](b, `document.getElementById('verdict').classList.contains('accepted')`) {
		t.Error("the accepted mask is not accepted any more")
	}
	b.quiet("net::ERR_", "404") // requests to a server that is not there, and of a job that it does not know any more
}
