//go:build browser

package main

import (
	"bytes"
	bin "encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPageSaysWhatIsRefused adds pictures that are too large, more than one request of the page
// holds, and one that is not: each is named with the limit and the remedy, the last one is added.
func TestPageSaysWhatIsRefused(t *testing.T) {
	s := serving(t, "--project", filepath.Join(t.TempDir(), "project"))
	var good bytes.Buffer
	if err := png.Encode(&good, image.NewGray(image.Rect(0, 0, 50, 40))); err != nil {
		t.Fatal(err)
	}
	large := bytes.Clone(good.Bytes()) // by its header
	bin.BigEndian.PutUint32(large[16:], 9000)
	bin.BigEndian.PutUint32(large[20:], 8000)
	bin.BigEndian.PutUint32(large[29:], crc32.ChecksumIEEE(large[12:29]))
	dir, files := t.TempDir(), []string(nil)
	write := func(name string, content []byte) {
		files = append(files, filepath.Join(dir, name))
		if err := os.WriteFile(files[len(files)-1], content, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	const refused = 9
	for i := range refused {
		write(fmt.Sprintf("large%d.png", i), large)
	}
	write("small.png", good.Bytes())

	b := browse(t, s.url())
	n := ask[int](b, `document.querySelectorAll('#grid .tile').length`)
	b.click("#add")
	b.do(chromedp.SetUploadFiles("#add-files-input", files))
	b.until(fmt.Sprintf(`document.querySelectorAll('#grid .tile').length === %d`, n+1))
	b.until(`document.getElementById('add-result').textContent.includes('9 refused')`)
	text := ask[string](b, `document.getElementById('add-result').textContent`)
	for i := range refused {
		if !strings.Contains(text, fmt.Sprintf("large%d.png", i)) {
			t.Errorf("large%d.png is not named", i)
		}
	}
	for _, want := range []string{"9000×8000", "67108864", "cut it into tiles"} {
		if strings.Count(text, want) != refused {
			t.Errorf("the page says %q, want %q for every picture", text, want)
		}
	}
}
