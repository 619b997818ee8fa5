//go:build cuda

package cuda

/*
#include <stdlib.h>
#include "library_nccl.h"
*/
import "C"

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"gorgonia.org/cu"

	"hdmnet/internal/op"
)

// NCCL is NVIDIA's library of exchanges between GPUs, opened at run time.
type NCCL struct {
	Path    string // the file or name that was opened
	Version string // "2.27.3"
	lib     *C.hdm_nccl
}

// CommunicatorID is what a group of processes needs to find each other: one makes it, the
// others get it by some other way.
type CommunicatorID [128]byte

// ncclSoname is the same since version 2.0.
const ncclSoname = "libnccl.so.2"

// ncclLeast is the first version whose errors can be asked for their reasons.
const ncclLeast = 21300

// OpenNCCL looks for NCCL in the folders of HDMNET_CUDA_LIBRARIES and where the system does.
func OpenNCCL() (*NCCL, error) {
	var folders []string
	if set := os.Getenv(librariesVariable); set != librariesOff {
		folders = filepath.SplitList(set)
	}
	if os.Getenv("HDMNET_CUDA_DRIVER") == "" { // with another driver the system's NCCL would use the system's
		folders = append(folders, systemFolders...)
	}
	n, found := &NCCL{}, Library{}
	var text [256]byte
	reason, room := (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text))
	found.open(folders, []string{ncclSoname}, func(path *C.char) (string, string) {
		lib := C.hdm_nccl_open(path, reason, room)
		if lib == nil {
			return "", C.GoString(reason)
		}
		v := int(C.hdm_nccl_version(lib))
		version := fmt.Sprintf("%d.%d.%d", v/10000, v/100%100, v%100)
		if v < ncclLeast {
			return "", fmt.Sprintf("it is version %s, hdmnet needs %d.%d or newer", version, ncclLeast/10000, ncclLeast/100%100)
		}
		n.lib = lib
		return version, ""
	})
	if len(folders) == 0 {
		found.Reason = librariesVariable + " names no folder"
	}
	if n.lib == nil {
		return nil, fmt.Errorf("no NCCL: %s; install it (libnccl2, or pip install nvidia-nccl-cu12), or name its folder in %s", found.Reason, librariesVariable)
	}
	n.Path, n.Version = found.Path, found.Version
	return n, nil
}

// NewID makes the identity of a group.
func (n *NCCL) NewID() (id CommunicatorID, err error) {
	return id, n.error(nil, C.hdm_nccl_id(n.lib, unsafe.Pointer(&id[0])), "make the identity of a group")
}

func (n *NCCL) error(comm C.ncclComm_t, status C.int, doing string) error {
	if status == C.NCCL_SUCCESS {
		return nil
	}
	var text [512]byte
	C.hdm_nccl_reason(n.lib, comm, status, (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	why := strings.TrimSpace(C.GoString((*C.char)(unsafe.Pointer(&text[0]))))
	if os.Getenv("NCCL_DEBUG") == "" {
		why += "; NCCL_DEBUG=WARN tells more"
	}
	return fmt.Errorf("%s: NCCL %s: %s", doing, n.Version, why)
}

// Communicator exchanges memory of the GPUs of a group of processes, one GPU each. All
// processes make the same calls in the same order. A call that one of them does not make
// keeps the others waiting, until the group is given up: then everything on the device
// fails with the reason.
type Communicator struct {
	nccl *NCCL
	dev  *Device
	comm C.ncclComm_t
	quit chan struct{} // closed by Close
	done chan struct{} // closed when nobody watches any more

	use  sync.Mutex  // held by a call of the library
	dead atomic.Bool // aborted or destroyed
}

// patience is how long a call may go on when the group is given up. One that connects to a
// process which is gone does not return by itself.
const patience = time.Second

// watchEvery is the time between two looks for errors of NCCL's own threads.
const watchEvery = 200 * time.Millisecond

// OpenCommunicator joins a group of that many processes as number rank. It returns once
// all have called it. When lost is closed, it and everything after it fails.
func (d *Device) OpenCommunicator(n *NCCL, id CommunicatorID, ranks, rank int, lost <-chan struct{}) (*Communicator, error) {
	if err := keepContext(d.index, d.gpu); err != nil { // NCCL too has modules and memory in it until the process ends
		return nil, err
	}
	c := &Communicator{nccl: n, dev: d, quit: make(chan struct{}), done: make(chan struct{})}
	opened := make(chan error, 1)
	// On a thread of its own: where another process is missing, it waits there for ever.
	go func() {
		runtime.LockOSThread()
		if err := driverError(cu.SetCurrentContext(d.context), "use the context"); err != nil {
			opened <- err
			return
		}
		opened <- n.error(nil, C.hdm_nccl_init(n.lib, &c.comm, C.int(ranks), unsafe.Pointer(&id[0]), C.int(rank)), "join the group of GPUs")
	}()
	select {
	case err := <-opened:
		if err != nil {
			return nil, err
		}
	case <-lost:
		return nil, errGroupLost
	}
	go c.watch(lost)
	return c, nil
}

var errGroupLost = errors.New("another process of the group has ended")

// watch gives the group up when a process is lost or NCCL reports an error.
func (c *Communicator) watch(lost <-chan struct{}) {
	defer close(c.done)
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-c.quit:
			return
		case <-lost:
			c.giveUp(errGroupLost)
			return
		case <-tick.C:
			if status := C.hdm_nccl_async_error(c.nccl.lib, c.comm); status != C.NCCL_SUCCESS && status != C.NCCL_IN_PROGRESS {
				c.giveUp(c.nccl.error(c.comm, status, "exchange between GPUs"))
				return
			}
		}
	}
}

// giveUp makes the device fail, then ends what waits on the GPU.
func (c *Communicator) giveUp(why error) {
	c.dev.queue.fail(why)
	_ = c.end(true) // the reason is known
}

// end leaves the group: at once, or after all that was started.
func (c *Communicator) end(abort bool) error {
	if c.dead.Swap(true) {
		return nil
	}
	if abort {
		for start := time.Now(); time.Since(start) < patience; time.Sleep(time.Millisecond) {
			if c.use.TryLock() {
				defer c.use.Unlock()
				break
			}
		}
		return c.nccl.error(nil, C.hdm_nccl_abort(c.nccl.lib, c.comm), "give the group of GPUs up")
	}
	c.use.Lock()
	defer c.use.Unlock()
	return c.nccl.error(nil, C.hdm_nccl_destroy(c.nccl.lib, c.comm), "leave the group of GPUs")
}

// AllReduce replaces t (float32, as long in every process) by the sum over the group, or
// the maximum: the same bits everywhere. It is queued as an operator is.
func (c *Communicator) AllReduce(t op.Tensor, maximum bool) {
	what := C.int(C.NCCL_SUM)
	if maximum {
		what = C.NCCL_MAX
	}
	at, n := address(t), op.Len(t)
	c.exchange("all-reduce", func(comm C.ncclComm_t, s C.CUstream) C.int {
		return C.hdm_nccl_all_reduce(c.nccl.lib, comm, C.CUdeviceptr(at), C.size_t(n), what, s)
	})
}

// Broadcast replaces t (float32, as long in every process) by that of process root.
func (c *Communicator) Broadcast(t op.Tensor, root int) {
	at, n := address(t), op.Len(t)
	c.exchange("broadcast", func(comm C.ncclComm_t, s C.CUstream) C.int {
		return C.hdm_nccl_broadcast(c.nccl.lib, comm, C.CUdeviceptr(at), C.size_t(n), C.int(root), s)
	})
}

// exchange queues a call of NCCL. It stays out of a graph that is being recorded: NCCL ties
// what it holds for a call to the graph that was captured, which is gone after its parameters
// went to the one that runs.
func (c *Communicator) exchange(name string, call func(C.ncclComm_t, C.CUstream) C.int) {
	d := c.dev
	d.startRecorded()
	d.submit(name, func() error {
		c.use.Lock()
		defer c.use.Unlock()
		if c.dead.Load() {
			return errGroupLost
		}
		return d.withFault(c.nccl.error(c.comm, call(c.comm, cStream(d.stream)), name))
	})
}

// Close leaves the group, which the other processes do as well. After a failure nothing
// waits for them.
func (c *Communicator) Close() error {
	close(c.quit)
	<-c.done
	failed := c.dev.queue.err() != nil
	if !failed {
		failed = c.dev.queue.call(func() error { return c.dev.check(c.dev.stream.Synchronize(), "wait for the GPU") }) != nil
	}
	return c.end(failed)
}

// UUID is the GPU's identity, the same for every process that sees it under whatever number.
func (d *Device) UUID() (string, error) {
	u, err := d.gpu.UUID()
	if err != nil {
		return "", driverError(err, "ask for the GPU's identity")
	}
	return hex.EncodeToString(u[:]), nil
}
