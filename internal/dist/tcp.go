package dist

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// tcpLink is a link over TCP. Process 0 holds a connection to every other one and passes
// on what they bring; peers has them by rank, and in another process only number 0.
type tcpLink struct {
	place Place
	host  string
	peers []*peer

	mu     sync.Mutex
	lost   chan struct{}
	reason *LostError // set before lost is closed
	closed bool
}

// peer is the connection to one process.
type peer struct {
	rank  int
	host  string
	conn  net.Conn
	in    *gob.Decoder
	out   *gob.Encoder
	write sync.Mutex
	parts chan []byte   // what it brought to the next Gather (at process 0)
	all   chan [][]byte // what all brought (at the others)
	left  chan struct{} // closed when it has said goodbye
}

// message is what travels after the greeting.
type message struct {
	Kind  kind
	Parts [][]byte // of a Gather
	Lost  LostError
}

type kind int

const (
	gathers kind = iota + 1
	aborts
	leaves
)

// LostError says that another process of the group is gone, or has failed.
type LostError struct {
	Rank   int
	Host   string
	Reason string
	Failed bool // it said the reason itself; otherwise it is how its end was noticed
}

func (e *LostError) Error() string {
	what := "is gone, perhaps killed"
	if e.Failed {
		what = "has failed"
	}
	return fmt.Sprintf("process %d on %s %s: %s", e.Rank, e.Host, what, e.Reason)
}

// gone is the error of a connection to a process.
func (c *peer) gone(err error) *LostError {
	reason := err.Error()
	if errors.Is(err, io.EOF) {
		reason = "its connection has ended"
	}
	return &LostError{Rank: c.rank, Host: c.host, Reason: reason}
}

// begin starts to listen to the peers.
func (l *tcpLink) begin() {
	for _, c := range l.peers {
		if c != nil {
			c.all, c.left = make(chan [][]byte, 1), make(chan struct{})
			go l.listen(c)
		}
	}
}

func (l *tcpLink) listen(c *peer) {
	for {
		var m message
		if err := c.in.Decode(&m); err != nil {
			l.lose(c.gone(err))
			return
		}
		switch m.Kind {
		case gathers:
			if l.place.Rank == 0 {
				c.parts <- m.Parts[0]
			} else {
				c.all <- m.Parts
			}
		case aborts:
			l.lose(&m.Lost)
			return
		case leaves:
			close(c.left)
			return
		default:
			l.lose(c.gone(fmt.Errorf("a message of kind %d: it runs another version", m.Kind)))
			return
		}
	}
}

// lose notes that a process is gone, the first time, and tells the others.
func (l *tcpLink) lose(e *LostError) {
	l.mu.Lock()
	first := l.reason == nil && !l.closed // what happens while all say goodbye is no loss
	if first {
		l.reason = e
	}
	l.mu.Unlock()
	if !first {
		return
	}
	if l.place.Rank == 0 {
		l.tell(message{Kind: aborts, Lost: *e})
	}
	close(l.lost)
}

// tell sends a message to all peers. One that cannot be told finds out by itself.
func (l *tcpLink) tell(m message) {
	var all sync.WaitGroup
	for _, c := range l.peers {
		if c != nil {
			all.Go(func() { _ = c.send(&m, 2*time.Second) })
		}
	}
	all.Wait()
}

// sendFor bounds a message to a process that does not read: one that is frozen, or whose
// machine is gone while it was written to.
const sendFor = 10 * time.Second

func (c *peer) send(m *message, within time.Duration) error {
	c.write.Lock()
	defer c.write.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(within))
	return c.out.Encode(m)
}

// Place says which process this is.
func (l *tcpLink) Place() Place { return l.place }

// Lost is closed once another process is known to be gone.
func (l *tcpLink) Lost() <-chan struct{} { return l.lost }

// Gather gives to every process what all of them brought.
func (l *tcpLink) Gather(mine []byte) ([][]byte, error) {
	if l.place.Rank > 0 {
		c := l.peers[0]
		if err := c.send(&message{Kind: gathers, Parts: [][]byte{mine}}, sendFor); err != nil {
			return nil, l.why(c.gone(err))
		}
		return receive(l, c, c.all)
	}
	all := make([][]byte, l.place.Size)
	all[0] = mine
	for rank, c := range l.peers {
		if c == nil {
			continue
		}
		var err error
		if all[rank], err = receive(l, c, c.parts); err != nil {
			return nil, err
		}
	}
	m := message{Kind: gathers, Parts: all}
	for _, c := range l.peers {
		if c == nil {
			continue
		}
		if err := c.send(&m, sendFor); err != nil {
			return nil, l.why(c.gone(err))
		}
	}
	return all, nil
}

// receive waits for what a peer sends.
func receive[T any](l *tcpLink, c *peer, from chan T) (v T, err error) {
	select {
	case v = <-from:
		return v, nil
	case <-l.lost:
	case <-c.left:
	}
	select {
	case v = <-from: // it came first
		return v, nil
	default:
	}
	return v, l.cause(&LostError{Rank: c.rank, Host: c.host, Reason: "it has ended before this one"})
}

// why is the reason for which a send to a peer failed: the one that the peer gave in its
// last words, if it had time for any.
func (l *tcpLink) why(e *LostError) error {
	select {
	case <-l.lost:
	case <-time.After(time.Second):
	}
	return l.cause(e)
}

// cause is the first reason that there was, or e.
func (l *tcpLink) cause(e *LostError) error {
	l.lose(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reason == nil { // after Close
		return e
	}
	return l.reason
}

// Abort tells the others that this process has failed.
func (l *tcpLink) Abort(reason error) {
	var lost *LostError
	if errors.As(reason, &lost) { // they know
		return
	}
	l.tell(message{Kind: aborts, Lost: LostError{Rank: l.place.Rank, Host: l.host, Reason: reason.Error(), Failed: true}})
}

// Close says goodbye, and waits for the goodbyes of the others: a connection closed while
// the other side still writes would lose what it has not read.
func (l *tcpLink) Close() error {
	l.mu.Lock()
	failed := l.reason != nil
	l.closed = true
	l.mu.Unlock()
	if !failed {
		l.tell(message{Kind: leaves})
		timeout := time.After(sendFor)
		for _, c := range l.peers {
			if c == nil {
				continue
			}
			select {
			case <-c.left:
			case <-timeout:
			}
		}
	}
	l.drop()
	return nil
}

// drop closes the connections.
func (l *tcpLink) drop() {
	for _, c := range l.peers {
		if c != nil {
			_ = c.conn.Close()
		}
	}
}
