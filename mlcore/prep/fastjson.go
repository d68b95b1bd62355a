package prep

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf8"

	"retrain"
)

// EncodeJSON encodes a request in the form that nearly all have, {"instances":[{"cost":1.5,"kind":"a"},…]}, without making records
// of it: it appends a row to x for each and returns how many there are. It reports false, whatever x is then, for everything else:
// more rows than most, whatever is not flat, escaped texts, keys that come twice, and all that is wrong. Who reads that says
// better what it is.
func (e *Encoder) EncodeJSON(text []byte, x []float32, most int) (encoded []float32, rows int, ok bool) {
	if !e.flat {
		return x, 0, false
	}
	r, _ := e.readers.Get().(*recordReader) // the pool has nothing else
	defer e.readers.Put(r)
	s := scanner{text: text}
	if !s.takes('{') || !bytes.Equal(s.string(), []byte("instances")) || !s.takes(':') || !s.takes('[') {
		return x, 0, false
	}
	w := e.Width()
	for more := true; more; rows++ {
		if rows == most || !e.scanRecord(&s, r.cells) {
			return x, 0, false
		}
		x = append(x, make([]float32, w)...)
		if missing, err := e.row(x[rows*w:], r.cells); err != nil || len(missing) > 0 {
			return x, 0, false
		}
		more = s.takes(',')
	}
	return x, rows, s.takes(']') && s.takes('}') && s.end()
}

// scanRecord reads an object into cells.
func (e *Encoder) scanRecord(s *scanner, cells []cell) bool {
	const unset = retrain.JSON // which no scalar is
	for i := range cells {
		cells[i].kind = unset
	}
	if !s.takes('{') {
		return false
	}
	next := 0 // most records have the features in their order
	for more := true; more; more = s.takes(',') {
		i, ok := e.scanName(s, next)
		if !ok {
			return false
		}
		var other cell
		into := &other
		if i >= 0 {
			if into = &cells[i]; into.kind != unset {
				return false
			}
			next = i + 1
		}
		if !s.scalar(into) {
			return false
		}
	}
	for i := range cells {
		if cells[i].kind == unset {
			cells[i] = cell{}
		}
	}
	return s.takes('}')
}

// scanName reads a name and the colon behind it. It returns which feature that is, -1 for none of them; next is what it is most often.
func (e *Encoder) scanName(s *scanner, next int) (feature int, ok bool) {
	s.blank()
	if next < len(e.keys) && s.word(e.keys[next]) {
		return next, true
	}
	name := s.string()
	if name == nil || !s.takes(':') {
		return 0, false
	}
	if i, known := e.index[string(name)]; known {
		return i, true
	}
	return -1, true
}

// plainFeatures returns the place of each feature, how its name is written most often, and whether all are fields of the record
// itself.
func (p *Preparation) plainFeatures() (index map[string]int, keys []string, flat bool) {
	index = make(map[string]int, len(p.Features))
	for i := range p.Features {
		name := p.Features[i].Name
		if strings.Contains(name, ".") {
			return nil, nil, false
		}
		index[name] = i
		key := `"` + name + `":`
		if strconv.Quote(name)+":" != key { // it is written in several ways
			key = "\x00" // which is nowhere
		}
		keys = append(keys, key)
	}
	return index, keys, p.Lookback == 0 && len(p.Map) == 0
}

// A scanner reads JSON from the front. What it cannot take, it leaves where it is, or is done with.
type scanner struct {
	text []byte
	at   int // what is read of it
}

// blank skips white space.
func (s *scanner) blank() {
	for s.at < len(s.text) && s.text[s.at] <= ' ' {
		if c := s.text[s.at]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return
		}
		s.at++
	}
}

func (s *scanner) takes(c byte) bool {
	s.blank()
	if s.at == len(s.text) || s.text[s.at] != c {
		return false
	}
	s.at++
	return true
}

func (s *scanner) end() bool {
	s.blank()
	return s.at == len(s.text)
}

// string returns what stands between quotes, nil where nothing does that can be taken as it is.
func (s *scanner) string() []byte {
	if !s.takes('"') {
		return nil
	}
	from, ascii := s.at, true
	for ; s.at < len(s.text) && s.text[s.at] != '"'; s.at++ {
		c := s.text[s.at]
		if c < ' ' || c == '\\' {
			return nil
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	text := s.text[from:s.at:s.at]
	if s.at == len(s.text) || !ascii && !utf8.Valid(text) {
		return nil
	}
	s.at++
	return text
}

// scalar reads a number, a text, true, false or null.
func (s *scanner) scalar(into *cell) bool {
	s.blank()
	if s.at == len(s.text) {
		return false
	}
	switch s.text[s.at] {
	case '"':
		t := s.string()
		*into = textCell(string(t))
		return t != nil
	case 't':
		*into = boolCell(true)
		return s.word("true")
	case 'f':
		*into = boolCell(false)
		return s.word("false")
	case 'n':
		*into = cell{}
		return s.word("null")
	}
	n, ok := s.number()
	*into = cell{kind: retrain.Number, number: n}
	return ok
}

func (s *scanner) word(w string) bool {
	if len(s.text)-s.at < len(w) || string(s.text[s.at:s.at+len(w)]) != w {
		return false
	}
	s.at += len(w)
	return true
}

// number reads a number as JSON writes them.
func (s *scanner) number() (float64, bool) {
	from := s.at
	negative := s.word("-")
	whole := s.at
	m := s.digits(0)
	if n := s.at - whole; n == 0 || n > 1 && s.text[whole] == '0' {
		return 0, false
	}
	digits, point := s.at-whole, 0
	if s.word(".") {
		fraction := s.at
		m = s.digits(m)
		if point = s.at - fraction; point == 0 {
			return 0, false
		}
		digits += point
	}
	// Both are numbers that float64 has, so that one division rounds as it should.
	const most, room = 19, 1 << 53
	power := s.at < len(s.text) && s.text[s.at]|0x20 == 'e'
	if !power && digits <= most && m < room {
		v := float64(m) / tens[point]
		if negative {
			v = -v
		}
		return v, true
	}
	if power {
		s.at++
		if !s.word("-") {
			s.word("+")
		}
		exponent := s.at
		s.digits(0)
		if s.at == exponent {
			return 0, false
		}
	}
	v, err := strconv.ParseFloat(string(s.text[from:s.at]), 64)
	return v, err == nil
}

// digits reads digits that go on a number.
func (s *scanner) digits(m uint64) uint64 {
	for ; s.at < len(s.text) && s.text[s.at]-'0' <= 9; s.at++ {
		m = 10*m + uint64(s.text[s.at]-'0') // too many digits are counted afterwards
	}
	return m
}

// tens are the powers of ten that a number's point can stand at.
var tens = [...]float64{1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19}
