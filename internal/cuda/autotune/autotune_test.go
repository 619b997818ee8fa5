package autotune

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "choices.json")
	a, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(path) // another process
	if err != nil {
		t.Fatal(err)
	}
	for _, put := range []struct {
		f      *File
		key    string
		choice int
	}{{a, "conv 1", 0}, {b, "conv 2", -1}, {a, "conv 3", 7}} {
		if err := put.f.Put(put.key, put.choice); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"conv 1": 0, "conv 2": -1, "conv 3": 7} {
		if got, known := c.Get(key); !known || got != want {
			t.Errorf("%s: %d, %t; want %d", key, got, known, want)
		}
	}
	if _, known := c.Get("conv 4"); known {
		t.Error("a choice that nobody made")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := a.Put("conv 5", 1); err != nil { // written again with all it knows
		t.Fatal(err)
	}
	if c, err = Open(path); err != nil {
		t.Fatal(err)
	}
	if got, _ := c.Get("conv 3"); got != 7 {
		t.Errorf("conv 3 is %d after the file was deleted under the program", got)
	}
}

func TestErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "choices.json")
	for text, want := range map[string]string{
		"":                     "unexpected end",
		"{}":                   "format",
		`{"format":"weights"}`: `"weights"`,
		`[1]`:                  "cannot unmarshal",
		`{"format":"hdmnet CUDA choices","choices":{"a":-2}}`: `"a" is -2`,
		`{"format":"hdmnet CUDA choices","choices":{"a":64}}`: `"a" is 64`,
		`{"format":"hdmnet CUDA choices","choices":{"":0}}`:   `"" is 0`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q and the path", text, err, want)
		}
	}
	if _, err := Open(filepath.Join(t.TempDir(), "no", "such", "folder")); err == nil {
		t.Error("a file in a folder that does not exist can be made")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"format":"hdmnet CUDA choices","choices":{"a":-1,"b":3}}`))
	f.Add([]byte(`{"format":"hdmnet CUDA choices"}`))
	f.Add([]byte(`{"choices":{"a":1e3}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := Parse(data)
		if err != nil {
			return
		}
		for key, choice := range all {
			if key == "" || choice < -1 || choice > MaxChoice {
				t.Errorf("accepted %q: %d", key, choice)
			}
		}
	})
}
