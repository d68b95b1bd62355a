package httpapi

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"retrain"
	"retrain/api"
)

// An answerer is a Version that reads the commonest bodies itself; retrain.Using is one.
type answerer interface {
	AnswerJSON(ctx context.Context, text []byte, most int, out []byte) (answer []byte, rows int, ok bool, err error)
}

var champion retrain.Which

// A question is the commonest request.
type question struct {
	model, body   []byte
	host          []byte
	authorization []byte
	apiKey        []byte
	size          int // of all of it
}

// What came of a request so far.
type arrival int

const (
	unusual arrival = iota // for net/http
	partial                // so far it is what is asked most often
	complete
)

// The most bytes of a head, and of a body, that do not make a request unusual.
const (
	mostHead = 4 << 10
	mostBody = 1 << 20
)

// readHead reads the request that b begins with. Of one that is not complete it returns the size, 0 where that is not known yet. It
// takes nothing for granted: what it does not know to be harmless is unusual.
func readHead(b []byte, most int64) (q question, a arrival) {
	const begins, ends = "POST /v1/models/", ":predict HTTP/1.1"
	if n := min(len(b), len(begins)); string(b[:n]) != begins[:n] {
		return q, unusual
	}
	end := bytes.Index(b[:min(len(b), mostHead)], []byte("\r\n\r\n"))
	if end < 0 && len(b) < mostHead {
		return q, partial
	} else if end < 0 {
		return q, unusual
	}
	first, fields, _ := bytes.Cut(b[:end+2], []byte("\r\n"))
	model, ok := bytes.CutSuffix(first[len(begins):], []byte(ends))
	if !ok || !plainName(model) {
		return q, unusual
	}
	q.model = model
	length, ok := q.readFields(fields)
	if !ok || length > min(mostBody, int(most)) {
		return q, unusual
	}
	head := end + len("\r\n\r\n")
	q.size = head + length
	if len(b) < q.size {
		return q, partial
	}
	q.body = b[head:q.size]
	return q, complete
}

// readFields reads the lines of a head, and returns the length of the body.
func (q *question) readFields(lines []byte) (length int, ok bool) {
	length, kind := -1, false
	for len(lines) > 0 {
		end := bytes.IndexByte(lines, '\n') // there is one: the last line ends with it
		if end == 0 || lines[end-1] != '\r' {
			return 0, false
		}
		colon := bytes.IndexByte(lines[:end], ':')
		if colon < 0 {
			return 0, false
		}
		name, value := lines[:colon], lines[colon+1:end-1]
		lines = lines[end+1:]
		if !printable(value) {
			return 0, false
		}
		value = bytes.Trim(value, " \t")
		switch fieldOf(name) {
		case "host":
			ok, q.host = q.host == nil && plainHost(value), value
		case "content-length":
			n, err := strconv.ParseUint(string(value), 10, 31)
			ok = err == nil && length < 0
			length = int(n)
		case "content-type":
			ok, kind = !kind && isJSON(value), true
		case "connection":
			ok = bytes.EqualFold(value, []byte("keep-alive"))
		case "authorization":
			ok, q.authorization = q.authorization == nil, value
		case "x-api-key":
			ok, q.apiKey = q.apiKey == nil, value
		case "":
			return 0, false
		default:
			ok = true
		}
		if !ok {
			return 0, false
		}
	}
	return length, length >= 0 && q.host != nil
}

// The fields that a usual request may have, those that change nothing among them.
var usual = []string{"host", "content-length", "content-type", "connection", "authorization", "x-api-key", "accept", "accept-encoding", "accept-language", "user-agent"}

// fieldOf returns the name of a field as usual has it, "" for any other.
func fieldOf(name []byte) string {
	for _, known := range usual {
		if len(name) == len(known) && bytes.EqualFold(name, []byte(known)) {
			return known
		}
	}
	return ""
}

func isJSON(kind []byte) bool {
	return bytes.EqualFold(kind, []byte("application/json")) || bytes.EqualFold(kind, []byte("application/json; charset=utf-8"))
}

// plainName reports whether a path has a name as it is.
func plainName(name []byte) bool {
	for _, c := range name {
		if !letter(c) && c != '_' && c != '-' {
			return false
		}
	}
	return len(name) > 0
}

func plainHost(host []byte) bool {
	for _, c := range host {
		if !letter(c) && strings.IndexByte(".-_:[]", c) < 0 {
			return false
		}
	}
	return len(host) > 0
}

func letter(c byte) bool { return c-'0' <= 9 || c|0x20-'a' < 26 }

func printable(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c > '~' {
			return false
		}
	}
	return true
}

// admits reports whether the door lets the asker in, and says no more than that.
func (e *express) admits(q question) bool {
	secret, bearer := bytes.CutPrefix(q.authorization, []byte("Bearer "))
	if !bearer {
		secret = q.apiKey
	}
	if e.door == nil || !bearer && q.authorization != nil {
		return e.door == nil
	}
	k, err := e.door.Ring.Find(context.Background(), string(bytes.TrimSpace(secret)), e.door.Open)
	if k == nil {
		return err == nil && Local(hostport(string(q.host)))
	}
	return err == nil && k.Role.Covers(api.RoleRead) && len(k.Resources) == 0
}

// An answer's head stands right before its body, at the end of so much room.
const headRoom = 512

// send sends what stands in out. It reports true: what cannot be sent is nobody's business, as the next read will say.
func (l *wire) send(now time.Time, status, version int, header http.Header) bool {
	if second := now.Unix(); second != l.second {
		l.second, l.date = second, now.UTC().AppendFormat(l.date[:0], http.TimeFormat)
	}
	var room [headRoom]byte
	head := append(room[:0], "HTTP/1.1 "...)
	head = strconv.AppendInt(head, int64(status), 10)
	head = append(head, ' ')
	head = append(head, http.StatusText(status)...)
	head = append(head, "\r\nContent-Type: application/json\r\nX-Content-Type-Options: nosniff\r\nX-Model-Version: "...)
	head = strconv.AppendInt(head, int64(version), 10)
	head = append(head, "\r\nDate: "...)
	head = append(head, l.date...)
	if retry := header.Get("Retry-After"); retry != "" {
		head = append(head, "\r\nRetry-After: "...)
		head = append(head, retry...)
	}
	head = append(head, "\r\nContent-Length: "...)
	head = strconv.AppendInt(head, int64(len(l.out)-headRoom), 10)
	head = append(head, "\r\n\r\n"...)
	from := headRoom - copy(l.out[headRoom-len(head):], head)
	_, _ = l.Write(l.out[from:])
	return true
}
