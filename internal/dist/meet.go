package dist

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	"hdmnet/internal/atomicfile"
)

// meetFor is how long the processes wait for each other at the start: machines of a
// cluster do not boot at the same time.
var meetFor = 5 * time.Minute

// keepAlive finds out about a machine that has gone without a word within 7 seconds. The
// connections of a process that is killed end at once.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 3 * time.Second, Interval: time.Second, Count: 4}

// greeting is what a process says of itself to process 0 and, completed, all to all.
type greeting struct {
	Magic, Host string
	Rank, Size  int
}

const magic = "hdmnet-dist-1"

// Meet joins the processes of p.Size by TCP, through process 0: at p.Master, or where
// p.File, which all of them see, says that it is. It fails when they have not all come
// within five minutes, or ctx ends. Local ranks that the launcher did not tell are counted
// by host name.
func Meet(ctx context.Context, p Place) (Link, error) {
	if p.Size == 1 {
		return Solo{}, nil
	}
	if p.Master == "" && p.File == "" {
		return nil, fmt.Errorf("%s started %d processes without saying where they meet: set MASTER_ADDR to the host of process 0, or %s to a file that all of them see",
			p.Launcher, p.Size, fileVariable)
	}
	ctx, cancel := context.WithTimeout(ctx, meetFor)
	defer cancel()
	host, _ := os.Hostname() // only for messages and local ranks
	l := &tcpLink{place: p, host: host, lost: make(chan struct{}), peers: make([]*peer, p.Size)}
	var err error
	if p.Rank == 0 {
		err = l.await(ctx)
	} else {
		err = l.call(ctx)
	}
	if err != nil {
		l.drop()
		return nil, err
	}
	l.begin()
	return l, nil
}

// await is the start of process 0.
func (l *tcpLink) await(ctx context.Context) error {
	p := l.place
	at := ":0"
	if p.File == "" {
		_, port, err := net.SplitHostPort(p.Master)
		if err != nil {
			return fmt.Errorf("MASTER_ADDR and MASTER_PORT make %q: %w", p.Master, err)
		}
		at = ":" + port
	}
	listen := net.ListenConfig{KeepAliveConfig: keepAlive}
	server, err := retry(ctx, func() (net.Listener, error) { return listen.Listen(ctx, "tcp", at) })
	if err != nil {
		return fmt.Errorf("process 0 cannot await the others at port %s (one above MASTER_PORT): %w", at, err)
	}
	defer server.Close()
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if p.File != "" {
		if err := publish(p.File, l.host, server.Addr().(*net.TCPAddr).Port); err != nil {
			return err
		}
		defer func() { _ = os.Remove(p.File) }() // all have found it
	}
	all := make([]greeting, p.Size)
	all[0] = greeting{magic, l.host, 0, p.Size}
	for n := 1; n < p.Size; {
		conn, err := server.Accept()
		if err != nil {
			return fmt.Errorf("only %d of %d processes have come, not %s: %w", n, p.Size, missing(all), cause(ctx, err))
		}
		c := newPeer(conn)
		g, err := c.greeted()
		if err != nil { // somebody else's connection
			_ = conn.Close()
			continue
		}
		if g.Size != p.Size || g.Rank < 1 || g.Rank >= p.Size || l.peers[g.Rank] != nil {
			_ = conn.Close()
			return fmt.Errorf("a process on %s comes as %d of %d to the group of %d processes, of which it is none or there already: two groups have the same MASTER_ADDR and MASTER_PORT",
				g.Host, g.Rank, g.Size, p.Size)
		}
		c.rank, c.host = g.Rank, g.Host
		all[g.Rank], l.peers[g.Rank] = g, c
		n++
	}
	for _, c := range l.peers[1:] {
		if err := c.greet(all); err != nil {
			return c.gone(err)
		}
	}
	l.settle(all)
	return nil
}

// call is the start of the other processes.
func (l *tcpLink) call(ctx context.Context) error {
	p := l.place
	dial := net.Dialer{KeepAliveConfig: keepAlive, Timeout: 10 * time.Second}
	c, err := retry(ctx, func() (*peer, error) {
		where, err := p.masters()
		if err != nil {
			return nil, err
		}
		var failed error
		for _, at := range where {
			conn, err := dial.DialContext(ctx, "tcp", at)
			if err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			return newPeer(conn), nil
		}
		return nil, failed
	})
	if err != nil {
		return fmt.Errorf("process %d cannot reach process 0: %w", p.Rank, err)
	}
	l.peers[0] = c
	stop := context.AfterFunc(ctx, func() { _ = c.conn.Close() })
	defer stop()
	if err := c.greet([]greeting{{magic, l.host, p.Rank, p.Size}}); err != nil {
		return c.gone(err)
	}
	var all []greeting
	if err := c.in.Decode(&all); err != nil || len(all) != p.Size {
		return fmt.Errorf("process %d: process 0 at %s has ended before all had come: %w", p.Rank, c.conn.RemoteAddr(), cause(ctx, err))
	}
	c.host = all[0].Host
	l.settle(all)
	return nil
}

// settle counts local ranks where the launcher did not tell them.
func (l *tcpLink) settle(all []greeting) {
	p := &l.place
	locals, before := 0, 0
	for rank, g := range all {
		if g.Host != all[p.Rank].Host {
			continue
		}
		locals++
		if rank < p.Rank {
			before++
		}
	}
	if p.LocalSize == 0 {
		p.LocalSize = locals
	}
	if p.LocalRank < 0 {
		p.LocalRank = before
	}
}

// masters are the addresses at which process 0 may be.
func (p Place) masters() ([]string, error) {
	if p.File == "" {
		return []string{p.Master}, nil
	}
	text, err := os.ReadFile(p.File)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(text)), nil
}

// publish writes where process 0 can be reached: by its name and every address.
func publish(path, host string, port int) error {
	hosts := []string{host}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("find out the addresses of this machine: %w", err)
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && !ip.IP.IsLoopback() && !ip.IP.IsLinkLocalUnicast() {
			hosts = append(hosts, ip.IP.String())
		}
	}
	var text strings.Builder
	for _, h := range append(hosts, "localhost") {
		fmt.Fprintln(&text, net.JoinHostPort(h, fmt.Sprint(port)))
	}
	return atomicfile.Write(path, func(w io.Writer) error { _, err := io.WriteString(w, text.String()); return err })
}

// retry tries until ctx ends; the error is then that of the last try.
func retry[T any](ctx context.Context, try func() (T, error)) (T, error) {
	for {
		v, err := try()
		if err == nil {
			return v, nil
		}
		select {
		case <-ctx.Done():
			return v, cause(ctx, err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// cause says that the time was over, or who stopped it, rather than that a socket was closed.
func cause(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("waited %v: %w", meetFor, err)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return err
}

func missing(all []greeting) string {
	var ranks []string
	for rank, g := range all {
		if g.Magic == "" {
			ranks = append(ranks, fmt.Sprint(rank))
		}
	}
	return strings.Join(ranks, ", ")
}

func newPeer(conn net.Conn) *peer {
	return &peer{conn: conn, in: gob.NewDecoder(conn), out: gob.NewEncoder(conn), parts: make(chan []byte, 1)}
}

func (c *peer) greet(g []greeting) error { return c.out.Encode(g) }

// greeted reads who has come; a stranger that says nothing is not waited for.
func (c *peer) greeted() (greeting, error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	defer func() { _ = c.conn.SetReadDeadline(time.Time{}) }()
	var g []greeting
	if err := c.in.Decode(&g); err != nil {
		return greeting{}, err
	}
	if len(g) != 1 || g[0].Magic != magic {
		return greeting{}, errors.New("not a process of hdmnet")
	}
	return g[0], nil
}
