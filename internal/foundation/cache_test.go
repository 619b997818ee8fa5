package foundation

import "testing"

// TestCache: what was asked for last stays, within the limit.
func TestCache(t *testing.T) {
	var c cache
	c.put("a", make([]float32, 10)) // no room yet
	c.resize(100)
	for _, name := range []string{"a", "b"} {
		c.put(name, make([]float32, 10))
	}
	if c.get("a") == nil {
		t.Error("a is gone before the memory was full")
	}
	c.put("c", make([]float32, 10)) // 120 bytes in all
	if c.get("b") != nil || c.get("a") == nil || c.get("c") == nil {
		t.Error("not the one asked for least recently left")
	}
	c.put("large", make([]float32, 100))
	if c.get("large") != nil || c.get("c") == nil {
		t.Error("what fits nowhere was kept, or drove others out")
	}
	c.resize(0)
	if c.get("a") != nil || c.used != 0 {
		t.Errorf("%d bytes are kept within none", c.used)
	}
}
