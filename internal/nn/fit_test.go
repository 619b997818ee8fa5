package nn

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gorgonia.org/tensor"

	"hdmnet/internal/cpu"
	"hdmnet/internal/op"
)

// small is a device with little memory.
type small struct {
	op.Device
	limit, used int64
}

func (d *small) Alloc(n int64) (tensor.Memory, error) {
	if d.used+n > d.limit {
		return nil, fmt.Errorf("%w: the test's device", op.ErrOutOfMemory)
	}
	d.used += n
	return d.Device.Alloc(n)
}

func (d *small) Free(m tensor.Memory, n int64) error {
	d.used -= n
	return d.Device.Free(m, n)
}

func TestFitFindsTheLargestBatch(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	const sample = 1 << 10 // bytes
	for _, c := range []struct{ least, batch, room, largest int }{
		{1, 1, 1, 1}, {1, 6, 6, 6}, {1, 6, 5, 5}, {1, 6, 1, 1}, {1, 6, 0, 0}, {1, 1, 0, 0}, {1, 100, 37, 37}, {1, 7, 4, 4},
		{2, 6, 3, 3}, {2, 6, 2, 2}, {2, 6, 1, 0}, {2, 2, 1, 0}, {2, 3, 2, 2},
	} {
		d := &small{Device: dev, limit: int64(c.room)*2*sample + 64}
		tape := NewTape(d)
		passes := 0
		err := tape.Fit(c.least, c.batch, func(n int) {
			if n < c.least {
				t.Errorf("%+v: a pass over %d samples", c, n)
			}
			tape.Begin(true, 0)
			passes++
			tape.Arena.Float32(n, sample/4)
			tape.Arena.Float32(n, sample/4)
		})
		var short *MemoryError
		if c.largest == c.batch {
			if err != nil || passes != 1 {
				t.Errorf("%+v: %v after %d passes", c, err, passes)
			}
			continue
		}
		if !errors.As(err, &short) || !errors.Is(err, op.ErrOutOfMemory) || short.Batch != c.batch || short.Largest != c.largest {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		wants := []string{fmt.Sprintf("[%d 256]", c.batch), "the test's device", "smaller batch"}
		if c.largest == 0 {
			wants = append(wants, fmt.Sprintf("not even one of %d:", c.least))
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%+v: the error lacks %q: %v", c, want, err)
			}
		}
	}
}

func TestFitPassesOtherPanicsOn(t *testing.T) {
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if r := recover(); r != "a defect" {
			t.Errorf("panic %v", r)
		}
	}()
	_ = NewTape(dev).Fit(1, 3, func(int) { panic("a defect") })
	t.Error("no panic")
}
