package prep

import (
	"encoding/binary"
	"math"

	"retrain"
)

// pack writes a block as bytes that this process reads again: no format that anybody else knows.
func pack(b *block) []byte {
	p := &packer{}
	p.number(len(b.rows))
	for _, row := range b.rows {
		p.number(int(row))
	}
	p.number(b.table.Rows)
	p.number(len(b.table.Columns))
	for i := range b.table.Columns {
		c := &b.table.Columns[i]
		p.column(c.Name, c.Cells, c.Numbers, c.Texts)
	}
	p.number(len(b.made))
	for i := range b.made {
		m := &b.made[i]
		p.column(m.name, m.kinds, m.numbers, m.texts)
	}
	return p.b
}

// unpack reads what pack wrote.
func unpack(packed []byte, first int) *block {
	u := &unpacker{b: packed, text: string(packed)}
	b := &block{first: first, rows: make([]int32, u.number())}
	for i := range b.rows {
		b.rows[i] = int32(u.number())
	}
	b.table = &retrain.Table{Rows: u.number()}
	b.table.Columns = make([]retrain.Column, u.number())
	for i := range b.table.Columns {
		c := &b.table.Columns[i]
		c.Name, c.Cells, c.Numbers, c.Texts = u.column()
	}
	b.made = make([]column, u.number())
	for i := range b.made {
		m := &b.made[i]
		m.name, m.kinds, m.numbers, m.texts = u.column()
	}
	return b
}

type packer struct{ b []byte }

func (p *packer) number(n int) { p.b = binary.AppendUvarint(p.b, uint64(n)) }

func (p *packer) string(s string) {
	p.number(len(s))
	p.b = append(p.b, s...)
}

func (p *packer) column(name string, kinds []retrain.Cell, numbers []float64, texts []string) {
	p.string(name)
	p.number(len(kinds))
	for _, k := range kinds {
		p.b = append(p.b, byte(k))
	}
	p.number(len(numbers))
	for _, n := range numbers {
		p.b = binary.LittleEndian.AppendUint64(p.b, math.Float64bits(n))
	}
	p.number(len(texts))
	for _, s := range texts {
		p.string(s)
	}
}

// An unpacker reads b from at on. Strings are parts of text, which is b.
type unpacker struct {
	b    []byte
	text string
	at   int
}

func (u *unpacker) number() int {
	n, size := binary.Uvarint(u.b[u.at:])
	u.at += size
	return int(n)
}

func (u *unpacker) string() string {
	n := u.number()
	u.at += n
	return u.text[u.at-n : u.at]
}

func (u *unpacker) column() (name string, kinds []retrain.Cell, numbers []float64, texts []string) {
	name = u.string()
	kinds = make([]retrain.Cell, u.number())
	for i := range kinds {
		kinds[i] = retrain.Cell(u.b[u.at+i])
	}
	u.at += len(kinds)
	if n := u.number(); n > 0 {
		numbers = make([]float64, n)
		for i := range numbers {
			numbers[i] = math.Float64frombits(binary.LittleEndian.Uint64(u.b[u.at+8*i:]))
		}
		u.at += 8 * n
	}
	if n := u.number(); n > 0 {
		texts = make([]string, n)
		for i := range texts {
			texts[i] = u.string()
		}
	}
	return name, kinds, numbers, texts
}
