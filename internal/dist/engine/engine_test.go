package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"hdmnet/internal/cpu"
	"hdmnet/internal/dist"
	"hdmnet/internal/op"
)

// hosts is an engine that exchanges the memory of CPUs over the link.
type hosts struct {
	dist.Solo
	dev  op.Device
	link dist.Link
}

func (h *hosts) exchange(t op.Tensor) ([][]float32, error) {
	v := make([]float32, op.Len(t))
	h.dev.Download(v, t)
	var mine bytes.Buffer
	if err := binary.Write(&mine, binary.LittleEndian, v); err != nil {
		return nil, err
	}
	all, err := h.link.Gather(mine.Bytes())
	if err != nil {
		return nil, err
	}
	parts := make([][]float32, len(all))
	for rank, b := range all {
		parts[rank] = make([]float32, len(b)/4)
		if err := binary.Read(bytes.NewReader(b), binary.LittleEndian, parts[rank]); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (h *hosts) AllReduce(t op.Tensor, r dist.Reduction) error {
	parts, err := h.exchange(t)
	if err != nil {
		return err
	}
	for _, p := range parts[1:] {
		for i, x := range p {
			if r == dist.Max {
				parts[0][i] = max(parts[0][i], x)
			} else {
				parts[0][i] += x
			}
		}
	}
	h.dev.Upload(t, parts[0])
	return nil
}

func (h *hosts) Broadcast(t op.Tensor, root int) error {
	parts, err := h.exchange(t)
	if err == nil {
		h.dev.Upload(t, parts[root])
	}
	return err
}

// with replaces the engines of this build for a test.
func with(t *testing.T, names map[string]engine) {
	t.Helper()
	old := maps.Clone(engines)
	clear(engines)
	maps.Copy(engines, names)
	t.Cleanup(func() {
		clear(engines)
		maps.Copy(engines, old)
	})
}

// environment is what torchrun gives one of n processes that meet in a file.
func environment(file string, rank, n int) []string {
	return []string{fmt.Sprintf("RANK=%d", rank), fmt.Sprintf("WORLD_SIZE=%d", n), "HDMNET_DIST_FILE=" + file}
}

func TestGroup(t *testing.T) {
	with(t, map[string]engine{"nccl": {blocks: func(dev op.Device, link dist.Link) (dist.Blocks, error) {
		return &hosts{dev: dev, link: link}, nil
	}}})
	file := filepath.Join(t.TempDir(), "where")
	var all sync.WaitGroup
	for rank := range 3 {
		all.Go(func() {
			if err := inGroup(file, rank); err != nil {
				t.Errorf("process %d: %v", rank, err)
			}
		})
	}
	all.Wait()
}

func inGroup(file string, rank int) (err error) {
	p, err := Connect(context.Background(), "nccl", environment(file, rank, 3))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	dev, err := cpu.New()
	if err != nil {
		return err
	}
	g, why, err := p.Group(dev)
	if err != nil {
		return err
	}
	if why != "3 processes, 3 on this machine, joined by nccl" {
		return fmt.Errorf("joined: %s", why)
	}
	arena := op.NewArena(dev)
	block, got := arena.Float32(2), make([]float32, 2)
	for _, c := range []struct {
		call func() error
		want [2]float32
	}{
		{func() error { return g.AllReduce(block, dist.Sum) }, [2]float32{3, float32(math.Inf(1))}},
		{func() error { return g.AllReduce(block, dist.Max) }, [2]float32{2, float32(math.Inf(1))}},
		{func() error { return g.Broadcast(block, 1) }, [2]float32{1, 7}},
	} {
		dev.Upload(block, []float32{float32(rank), []float32{3, 7, float32(math.Inf(1))}[rank]})
		if err := c.call(); err != nil {
			return err
		}
		if dev.Download(got, block); [2]float32(got) != c.want {
			return fmt.Errorf("%v, want %v", got, c.want)
		}
	}
	return errors.Join(g.Close(), arena.Close(), dev.Close())
}

// TestGroupFailsInAll: an engine that fails in one process fails in all, with its reason.
func TestGroupFailsInAll(t *testing.T) {
	with(t, map[string]engine{"nccl": {blocks: func(_ op.Device, link dist.Link) (dist.Blocks, error) {
		if link.Place().Rank == 1 {
			return nil, errors.New("the wrong version")
		}
		return dist.Solo{}, nil
	}}})
	file := filepath.Join(t.TempDir(), "where")
	var all sync.WaitGroup
	for rank := range 2 {
		all.Go(func() {
			p, err := Connect(context.Background(), "nccl", environment(file, rank, 2))
			if err != nil {
				t.Error(err)
				return
			}
			defer p.Close()
			dev, err := cpu.New()
			if err != nil {
				t.Error(err)
				return
			}
			if _, _, err := p.Group(dev); err == nil || !strings.Contains(err.Error(), "engine nccl: the wrong version") || !dist.Known(err) {
				t.Errorf("process %d: %v", rank, err)
			}
		})
	}
	all.Wait()
}

// TestNoSilentCopies: several processes that nothing joins are an error, and so is an engine
// that is not there; one process alone needs none.
func TestNoSilentCopies(t *testing.T) {
	with(t, nil)
	several := []string{"OMPI_COMM_WORLD_RANK=0", "OMPI_COMM_WORLD_SIZE=4"}
	for _, c := range []struct {
		name string
		env  []string
		want string
	}{
		{"auto", several, "Open MPI started 4 processes, and nothing joins them: this hdmnet was built without MPI: `make build-mpi`"},
		{"auto", []string{"RANK=1", "WORLD_SIZE=2"}, "torchrun started 2 processes"},
		{"mpi", several, "engine mpi: this hdmnet was built without MPI"},
		{"nccl", nil, "engine nccl: this hdmnet was built without CUDA"},
		{"gloo", nil, "expected auto, none, mpi or nccl"},
		{"auto", []string{"RANK=x", "WORLD_SIZE=2"}, `RANK="x"`},
	} {
		_, err := Connect(context.Background(), c.name, c.env)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrName) != (c.name == "gloo") {
			t.Errorf("%s, %v: %v, want %s", c.name, c.env, err, c.want)
		}
	}
	for name, env := range map[string][]string{"none": several, "auto": {"RANK=0", "WORLD_SIZE=1"}} {
		p, err := Connect(context.Background(), name, env)
		if err != nil || p.Place().Size != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestGPUsOnly: an engine of GPUs is no engine of CPUs.
func TestGPUsOnly(t *testing.T) {
	with(t, map[string]engine{"nccl": {gpu: true}})
	dev, err := cpu.New()
	if err != nil {
		t.Fatal(err)
	}
	two := struct{ dist.Link }{pretend{}}
	for name, want := range map[string]string{"nccl": "engine nccl joins GPUs, and this process computes on cpu", "auto": "nothing joins them"} {
		if _, err := (&Processes{Link: two, name: name}).choose(dev); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// pretend is one of two processes.
type pretend struct{ dist.Solo }

func (pretend) Place() dist.Place { return dist.Place{Size: 2, Launcher: "torchrun"} }
