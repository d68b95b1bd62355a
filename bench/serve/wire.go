package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// request returns a request as it goes over the wire.
func request(path, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// A wire is a connection that speaks just enough HTTP to cost next to nothing.
type wire struct {
	fd   int
	due  time.Duration // when its question was to be asked
	in   []byte        // room for an answer
	have int           // bytes of it that came
	want int           // bytes that it has; 0 as long as nobody knows
}

func dialWire(address string) (*wire, error) {
	to, err := net.ResolveTCPAddr("tcp4", address)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	at := &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}
	err = errors.Join(unix.Connect(fd, at), unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1), unix.SetNonblock(fd, true))
	return &wire{fd: fd, in: make([]byte, 64<<10)}, err
}

// write sends a request, which has room in what the system keeps for a connection.
func (w *wire) write(request []byte) error {
	w.have, w.want = 0, 0
	n, err := unix.Write(w.fd, request)
	if err == nil && n < len(request) {
		err = io.ErrShortWrite
	}
	return err
}

// read reads what has come and reports whether the answer is complete. Any but a success is an error.
func (w *wire) read() (complete bool, err error) {
	n, err := unix.Read(w.fd, w.in[w.have:])
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false, nil
	case err == nil && n == 0:
		return false, io.ErrUnexpectedEOF
	case err != nil:
		return false, err
	}
	w.have += n
	if w.want == 0 {
		head := bytes.Index(w.in[:w.have], []byte("\r\n\r\n"))
		if head < 0 {
			return false, nil
		}
		length, err := contentLength(w.in[:head])
		if err != nil {
			return false, err
		}
		w.want = head + 4 + length
	}
	if w.have < w.want {
		return false, nil
	}
	const ok = "HTTP/1.1 200"
	if !bytes.HasPrefix(w.in, []byte(ok)) {
		return true, fmt.Errorf("an answer is %s", w.in[:w.have])
	}
	return true, nil
}

// contentLength finds the length of the body in a head; servers write its name in one of two ways.
func contentLength(head []byte) (int, error) {
	_, rest, found := bytes.Cut(head, []byte("\nContent-Length:"))
	if !found {
		_, rest, found = bytes.Cut(head, []byte("\ncontent-length:"))
	}
	if !found {
		return 0, errors.New("an answer without a length")
	}
	text, _, _ := bytes.Cut(rest, []byte("\r"))
	return strconv.Atoi(string(bytes.TrimSpace(text)))
}

// ask asks once, over a connection of its own, and returns the answer's body.
func ask(address string, request []byte) ([]byte, error) {
	w, err := dialWire(address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = unix.Close(w.fd) }()
	if err := errors.Join(unix.SetNonblock(w.fd, false), w.write(request)); err != nil {
		return nil, err
	}
	for {
		if complete, err := w.read(); err != nil {
			return nil, err
		} else if complete {
			head := bytes.Index(w.in, []byte("\r\n\r\n"))
			return w.in[head+4 : w.want], nil
		}
	}
}
