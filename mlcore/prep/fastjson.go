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
	s := scanner{rest: text}
	if !s.takes('{') || !bytes.Equal(s.text(), []byte("instances")) || !s.takes(':') || !s.takes('[') {
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
	for more := true; more; {
		name := s.text()
		if name == nil || !s.takes(':') {
			return false
		}
		v, ok := s.scalar()
		if !ok {
			return false
		}
		i, known := next, next < len(cells) && string(name) == e.Features[next].Name
		if !known {
			i, known = e.index[string(name)]
		}
		if known {
			if cells[i].kind != unset {
				return false
			}
			cells[i], next = v, i+1
		}
		more = s.takes(',')
	}
	for i := range cells {
		if cells[i].kind == unset {
			cells[i] = cell{}
		}
	}
	return s.takes('}')
}

// plainFeatures returns the place of each feature, and whether all are fields of the record itself.
func (p *Preparation) plainFeatures() (map[string]int, bool) {
	index := make(map[string]int, len(p.Features))
	for i := range p.Features {
		name := p.Features[i].Name
		if strings.Contains(name, ".") {
			return nil, false
		}
		index[name] = i
	}
	return index, p.Lookback == 0 && len(p.Map) == 0
}

// A scanner reads JSON from the front. Whatever it cannot read it does not take.
type scanner struct{ rest []byte }

// blank skips white space.
func (s *scanner) blank() {
	for len(s.rest) > 0 && (s.rest[0] == ' ' || s.rest[0] == '\n' || s.rest[0] == '\t' || s.rest[0] == '\r') {
		s.rest = s.rest[1:]
	}
}

func (s *scanner) takes(c byte) bool {
	s.blank()
	if len(s.rest) == 0 || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

func (s *scanner) end() bool {
	s.blank()
	return len(s.rest) == 0
}

// text returns what stands between quotes, nil where nothing does that can be taken as it is.
func (s *scanner) text() []byte {
	if !s.takes('"') {
		return nil
	}
	end, ascii := 0, true
	for ; end < len(s.rest) && s.rest[end] != '"'; end++ {
		c := s.rest[end]
		if c < ' ' || c == '\\' {
			return nil
		}
		ascii = ascii && c < utf8.RuneSelf
	}
	if end == len(s.rest) || !ascii && !utf8.Valid(s.rest[:end]) {
		return nil
	}
	text := s.rest[:end:end]
	s.rest = s.rest[end+1:]
	return text
}

// scalar reads a number, a text, true, false or null.
func (s *scanner) scalar() (cell, bool) {
	s.blank()
	if len(s.rest) == 0 {
		return cell{}, false
	}
	switch s.rest[0] {
	case '"':
		t := s.text()
		return textCell(string(t)), t != nil
	case 't':
		return boolCell(true), s.word("true")
	case 'f':
		return boolCell(false), s.word("false")
	case 'n':
		return cell{}, s.word("null")
	}
	return s.number()
}

func (s *scanner) word(w string) bool {
	rest, ok := bytes.CutPrefix(s.rest, []byte(w))
	s.rest = rest
	return ok
}

// number reads a number as JSON writes them.
func (s *scanner) number() (cell, bool) {
	n := 0
	digits := func() bool {
		from := n
		for n < len(s.rest) && s.rest[n] >= '0' && s.rest[n] <= '9' {
			n++
		}
		return n > from
	}
	at := func(set string) bool { return n < len(s.rest) && strings.IndexByte(set, s.rest[n]) >= 0 }
	if at("-") {
		n++
	}
	if at("0") {
		n++
	} else if !digits() {
		return cell{}, false
	}
	if at(".") {
		if n++; !digits() {
			return cell{}, false
		}
	}
	if at("eE") {
		if n++; at("+-") {
			n++
		}
		if !digits() {
			return cell{}, false
		}
	}
	v, err := strconv.ParseFloat(string(s.rest[:n]), 64)
	s.rest = s.rest[n:]
	return cell{kind: retrain.Number, number: v}, err == nil
}
