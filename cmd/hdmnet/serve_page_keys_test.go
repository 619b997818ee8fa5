//go:build browser

package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// TestPageWithKeysAlone goes the way of TestPage without a mouse. On the way every control of
// the page and of its dialogs must have a name, and every one that Tab reaches must be seen
// to have the focus.
func TestPageWithKeysAlone(t *testing.T) {
	s := serving(t, "--project", filepath.Join(t.TempDir(), "project"), "--root", photographs)
	b := browse(t, s.url())
	b.named("the page")
	b.press("i")
	b.until(`document.getElementById('add-dialog').open`)
	b.named("the dialog that adds pictures")
	b.tabTo(`document.activeElement.id === 'add-path'`)
	b.press(kb.Enter)
	b.until(`document.querySelectorAll('#grid .tile').length === 11`)
	b.escape()

	b.press("a")
	b.press("toilet\r")
	b.until(`document.querySelector('.class.current .name')?.textContent === 'toilet'`)
	b.press("l")
	b.press(kb.Home)
	for range 20 {
		if ask[bool](b, `document.activeElement.getAttribute('aria-label').includes('000000403385')`) {
			break
		}
		b.press(kb.ArrowRight)
	}
	b.press(kb.Enter)
	b.shown("000000403385")

	// The pen starts in the middle, (320, 255); the object is around (455, 350).
	b.press("o")
	for range 5 {
		b.press(kb.ArrowRight)
	}
	b.press(" ")
	for range 3 {
		b.press(kb.ArrowRight, kb.ModifierShift)
		b.press(kb.ArrowDown, kb.ModifierShift)
	}
	b.press(" ")
	b.settled()
	boxed := count(b.mask())
	if boxed == 0 {
		t.Fatal("a box that was drawn with keys marks nothing")
	}
	b.press("e")
	b.press(" ")
	b.press(kb.ArrowLeft, kb.ModifierShift)
	b.press(" ")
	b.settled()
	if n := count(b.mask()); n >= boxed {
		t.Errorf("the eraser leaves %d of %d pixels", n, boxed)
	}
	b.press("z", kb.ModifierCtrl)
	b.settled()
	if n := count(b.mask()); n != boxed {
		t.Errorf("after undo the mask has %d pixels, before it had %d", n, boxed)
	}
	b.press("Z", kb.ModifierCtrl, kb.ModifierShift)
	b.settled()
	if n := count(b.mask()); n >= boxed {
		t.Errorf("after redo the mask has %d pixels", n)
	}
	b.press(kb.Enter)
	b.found(10)
	b.named("the page with masks")
	if n := s.masks(2); n != 10 {
		t.Fatalf("%d masks; want 10", n)
	}
	b.press(kb.Enter) // on to the first that is open
	for range 3 {
		b.until(`document.getElementById('verdict').classList.contains('proposed')`)
		before := ask[string](b, `document.getElementById('title').textContent`)
		b.press("y")
		b.until(`document.getElementById('title').textContent !== ` + quoted(before))
		b.settled()
	}
	b.press("n")
	b.until(`document.querySelector('#filter [data-filter="rejected"]').textContent.includes('1')`)
	b.press("?")
	b.until(`document.getElementById('keys-dialog').open`)
	b.named("the list of keys")
	b.escape()
	b.press("x")
	b.named("the export dialog")
	b.escape()
	b.sameAsExported()
	b.focusSeen()
	b.quiet()
}

func quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, `\"`) + `"` }

// tabTo presses Tab until an expression is true.
func (b *tab) tabTo(expression string) {
	b.t.Helper()
	for range 30 {
		if ask[bool](b, expression) {
			return
		}
		b.press(kb.Tab)
	}
	b.t.Fatalf("Tab does not lead to %s", expression)
}

// controls are the roles that people operate.
var controls = []string{"button", "textbox", "checkbox", "radio", "slider", "spinbutton", "combobox", "ComboBoxSelect", "ColorWell", "link", "application", "listbox", "menuitem", "switch", "searchbox"}

// named fails the test if assistive technology sees a control without a name.
func (b *tab) named(where string) {
	b.t.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	if err != nil {
		b.t.Fatal(err)
	}
	n := 0
	for _, node := range tree.Nodes {
		if node.Ignored || node.Role == nil || !slices.Contains(controls, text(node.Role)) {
			continue
		}
		n++
		if node.Name == nil || strings.TrimSpace(text(node.Name)) == "" {
			b.t.Errorf("%s: a %s has no name (node %d)", where, text(node.Role), node.BackendDOMNodeID)
		}
	}
	if n == 0 {
		b.t.Errorf("%s: no controls", where)
	}
}

func text(v *accessibility.Value) string { return strings.Trim(string(v.Value), `"`) }

// focusSeen goes once around the page with Tab. Everything that gets the focus has an outline.
func (b *tab) focusSeen() {
	b.t.Helper()
	b.do(chromedp.Evaluate[chromedp.Void](`document.activeElement.blur()`))
	reached := map[string]bool{}
	for range 80 {
		b.press(kb.Tab)
		v := ask[[]string](b, `(() => {
			const at = document.activeElement, style = getComputedStyle(at);
			return at === document.body ? [] : [at.outerHTML.slice(0, 120), style.outlineStyle, style.outlineWidth];
		})()`)
		if len(v) == 0 || reached[v[0]] {
			continue // the end of the page; around
		}
		reached[v[0]] = true
		if v[1] == "none" || v[2] == "0px" {
			b.t.Errorf("the focus is not seen on %s", v[0])
		}
	}
	if len(reached) < 20 {
		b.t.Errorf("Tab reaches %d controls", len(reached))
	}
}
