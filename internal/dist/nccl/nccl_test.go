//go:build cuda

package nccl

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"hdmnet/internal/cuda"
	"hdmnet/internal/dist"
	"hdmnet/internal/op"
)

// The tests start processes of this program, each with a GPU of its own: of the emulated
// driver (make test-cuda), or of a machine that has enough.

const roleVariable = "HDMNET_TEST_ROLE"

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVariable); role != "" {
		if err := member(role); err != nil {
			fmt.Println("error:", strings.ReplaceAll(err.Error(), "\n", "; "))
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// member is a process of a group; what it does is its role.
func member(role string) (err error) {
	place, err := dist.Environment(os.Environ())
	if err != nil {
		return err
	}
	link, err := dist.Meet(context.Background(), place)
	if err != nil {
		return err
	}
	place = link.Place()
	last := place.Rank == place.Size-1
	index := place.Rank
	if role == "same GPU" {
		index = 0
	}
	dev, err := cuda.Open(index, op.FP32)
	if err != nil {
		return err
	}
	if role == "never joins" && last {
		uuid, err := neverJoins(dev, link)
		return fmt.Errorf("%s does not join: %w", uuid, err)
	}
	b, err := Blocks(dev, link)
	if err != nil {
		return err
	}
	g := dist.Join(link, b)
	defer func() {
		if failure := recover(); failure != nil {
			err = failure.(error)
		}
	}()
	arena := op.NewArena(dev)
	switch role {
	case "sums":
		sums(dev, arena, g)
	case "leaves":
		if last {
			os.Exit(3)
		}
		_ = g.AllReduce(arena.Zeros(1000), dist.Sum)
		dev.Synchronize()
	case "other sizes":
		n := 1000
		if last {
			n++
		}
		_ = g.AllReduce(arena.Zeros(n), dist.Sum)
		dev.Synchronize()
	}
	if err := g.Close(); err != nil {
		return err
	}
	return dev.Close()
}

// neverJoins makes the calls of Blocks up to the one in which the others then wait.
func neverJoins(dev *cuda.Device, link dist.Link) (uuid string, err error) {
	library, err := cuda.OpenNCCL()
	if err != nil {
		return "", err
	}
	if uuid, err = dev.UUID(); err != nil {
		return uuid, err
	}
	for range 2 {
		if err := dist.Agree(link, nil); err != nil {
			return uuid, err
		}
	}
	var id cuda.CommunicatorID
	if _, err = link.Gather(append(id[:], library.Version+" "+uuid+" "+dev.Name()...)); err == nil {
		err = errors.New("on purpose")
	}
	return uuid, err
}

// values are those that process rank brings, whose sum in float32 depends on the order.
func values(rank, n int) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(math.Sin(float64(i*7+rank*13+1))) * float32(math.Exp2(float64((i+5*rank)%20-10)))
	}
	return v
}

// sums prints a hash of the result of every exchange.
func sums(dev *cuda.Device, arena *op.Arena, g dist.ProcessGroup) {
	place := g.Place()
	show := func(what string, t op.Tensor) {
		v := make([]float32, op.Len(t))
		dev.Download(v, t)
		fmt.Println(what, hash(v))
	}
	for _, n := range []int{1, 999, 300_000} {
		t := arena.Float32(n)
		dev.Upload(t, values(place.Rank, n))
		_ = g.AllReduce(t, dist.Sum)
		show(fmt.Sprintf("sum of %d", n), t)
		dev.Upload(t, values(place.Rank, n))
		_ = g.AllReduce(t, dist.Max)
		show(fmt.Sprintf("maximum of %d", n), t)
		for root := range place.Size {
			dev.Upload(t, values(place.Rank, n))
			_ = g.Broadcast(t, root)
			show(fmt.Sprintf("broadcast of %d from %d", n, root), t)
		}
	}
	// Within calls that become graphs.
	t, u := arena.Float32(999), arena.Zeros(999)
	for range 6 {
		dev.Upload(t, values(place.Rank, 999))
		dev.CaptureGraph(func() {
			dev.AddScaled(u, t, 1)
			_ = g.AllReduce(u, dist.Sum)
			dev.AddScaled(u, t, 0.5)
		})
	}
	fmt.Println("graphs", dev.Graphs() > 0)
	_ = g.Broadcast(u, 0)
	show("sum around a graph", u)
}

func hash(v []float32) uint64 {
	h := fnv.New64a()
	for _, x := range v {
		b := math.Float32bits(x)
		h.Write([]byte{byte(b), byte(b >> 8), byte(b >> 16), byte(b >> 24)})
	}
	return h.Sum64()
}

// group starts processes in a role and returns what each has printed. The environment is
// that of a launcher, with more.
func group(t *testing.T, role string, size int, more ...string) (out []string) {
	t.Helper()
	if os.Getenv("HDMNET_CUDA_DRIVER") != "" {
		folder := os.Getenv("HDMNET_EMU_LIBRARY")
		if folder == "" {
			t.Skip("needs the emulated libraries (make test-cuda)")
		}
		more = append([]string{"HDMNET_EMU_DEVICES=" + strconv.Itoa(size), "HDMNET_CUDA_LIBRARIES=" + folder}, more...)
	} else if _, gpus, err := cuda.Inspect(); err != nil || len(gpus) < size {
		t.Skipf("needs %d GPUs: %d, %v", size, len(gpus), err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	out = make([]string, size)
	var all sync.WaitGroup
	for rank := range size {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			c := exec.CommandContext(ctx, os.Args[0])
			c.Env = append(os.Environ(), roleVariable+"="+role, "MASTER_ADDR=127.0.0.1", "MASTER_PORT="+strconv.Itoa(port-1),
				"RANK="+strconv.Itoa(rank), "WORLD_SIZE="+strconv.Itoa(size))
			c.Env = append(c.Env, more...)
			text, err := c.CombinedOutput()
			out[rank] = string(text)
			if ctx.Err() != nil {
				out[rank] += "\nended by the test after a minute"
			} else if err != nil {
				out[rank] += "\n" + err.Error()
			}
		})
	}
	all.Wait()
	return out
}

// TestSums: every process gets the same bits; the emulated library's are those of a sum in
// the order of ranks.
func TestSums(t *testing.T) {
	for _, size := range []int{2, 4} {
		out := group(t, "sums", size)
		for rank, text := range out {
			if text != out[0] || strings.Contains(text, "rror") {
				t.Fatalf("process %d of %d:\n%sprocess 0:\n%s", rank, size, text, out[0])
			}
		}
		if os.Getenv("HDMNET_CUDA_CACHE") != "off" && !strings.Contains(out[0], "graphs true") { // without the cache there are none
			t.Errorf("no graph was made:\n%s", out[0])
		}
		for _, n := range []int{1, 999, 300_000} {
			sum, most := values(0, n), values(0, n)
			for r := 1; r < size; r++ {
				for i, x := range values(r, n) {
					sum[i], most[i] = sum[i]+x, max(most[i], x)
				}
			}
			want := []string{fmt.Sprintf("maximum of %d %d\n", n, hash(most)), fmt.Sprintf("broadcast of %d from %d %d\n", n, size-1, hash(values(size-1, n)))}
			if os.Getenv("HDMNET_CUDA_DRIVER") != "" {
				want = append(want, fmt.Sprintf("sum of %d %d\n", n, hash(sum)))
			}
			for _, line := range want {
				if !strings.Contains(out[0], line) {
					t.Errorf("%d processes: no %q in\n%s", size, line, out[0])
				}
			}
		}
	}
}

// TestFailures: what goes wrong in one process ends all of them soon, with a reason.
func TestFailures(t *testing.T) {
	emulated := os.Getenv("HDMNET_CUDA_DRIVER") != ""
	for _, c := range []struct {
		role string
		size int
		env  []string
		emu  bool     // of the emulated library alone
		want []string // in the output of every process but the last
		last string
	}{
		{"leaves", 2, nil, false, []string{"another process of the group has ended"}, "exit status 3"},
		{"leaves", 4, nil, true, []string{"another process of the group has ended"}, "exit status 3"},
		{"never joins", 3, nil, false, []string{"another process of the group has ended"}, "on purpose"},
		{"same GPU", 2, nil, false, []string{"processes 0 and 1 both compute on cuda:0", "--device"}, "processes 0 and 1 both compute on cuda:0"},
		{"sums", 2, []string{"HDMNET_EMU_NCCL=20708"}, true, []string{"version 2.7.8, hdmnet needs 2.13 or newer"}, "needs 2.13"},
		{"sums", 2, []string{"HDMNET_CUDA_LIBRARIES=off"}, true, []string{"no NCCL: HDMNET_CUDA_LIBRARIES names no folder; install it"}, "no NCCL"},
	} {
		if c.emu && !emulated {
			continue
		}
		t.Run(fmt.Sprint(c.role, c.size, c.env), func(t *testing.T) {
			start := time.Now()
			out := group(t, c.role, c.size, c.env...)
			for rank, text := range out[:c.size-1] {
				for _, want := range c.want {
					if !strings.Contains(text, want) {
						t.Errorf("process %d, no %q in\n%s", rank, want, text)
					}
				}
			}
			if last := out[c.size-1]; !strings.Contains(last, c.last) {
				t.Errorf("the last process, no %q in\n%s", c.last, last)
			}
			if took := time.Since(start); took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

// TestOtherSizes: processes that exchange different things all fail, and whichever ends
// first says why; the others may only learn that it has ended.
func TestOtherSizes(t *testing.T) {
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" {
		t.Skip("NCCL itself does not notice")
	}
	out := group(t, "other sizes", 2)
	named := 0
	for rank, text := range out {
		switch {
		case strings.Contains(text, "call 0 of 1000") && strings.Contains(text, "call 0 of 1001"):
			named++
		case !strings.Contains(text, "another process of the group has ended"):
			t.Errorf("process %d:\n%s", rank, text)
		}
		if !strings.Contains(text, "exit status 1") {
			t.Errorf("process %d does not fail:\n%s", rank, text)
		}
	}
	if named == 0 {
		t.Errorf("no process names the difference:\n%s", strings.Join(out, "\n"))
	}
}
