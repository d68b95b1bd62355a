package prep

import (
	"encoding/binary"
	"fmt"
	"os"
)

// A matrix is rows of float32 in a file.
type matrix struct {
	file  *os.File
	width int
	runs  [2]run // where the learnt rows and the others are written
	bytes []byte
}

// A run is rows that follow each other and are not written yet.
type run struct {
	first int
	rows  []float32
}

// pieceBytes is about how much is written and read at once.
const pieceBytes = 1 << 20

// put writes a row at its place. Rows of the same run that come in the order of their places are written together.
func (m *matrix) put(of, place int, row []float32) error {
	r := &m.runs[of]
	if n := len(r.rows) / m.width; n > 0 && place != r.first+n || 4*len(r.rows) >= pieceBytes {
		if err := m.write(r); err != nil {
			return err
		}
	}
	if len(r.rows) == 0 {
		r.first = place
	}
	r.rows = append(r.rows, row...)
	return nil
}

func (m *matrix) write(r *run) error {
	if len(r.rows) == 0 {
		return nil
	}
	m.bytes, _ = binary.Append(m.bytes[:0], binary.LittleEndian, r.rows) // plain numbers
	if _, err := m.file.WriteAt(m.bytes, 4*int64(r.first)*int64(m.width)); err != nil {
		return fmt.Errorf("keep encoded rows: %w", err)
	}
	r.rows = r.rows[:0]
	return nil
}

// flush writes what is left.
func (m *matrix) flush() error {
	for i := range m.runs {
		if err := m.write(&m.runs[i]); err != nil {
			return err
		}
	}
	return nil
}

// read fills x with the rows from first on.
func (m *matrix) read(x []float32, first int) error {
	at := 4 * int64(first) * int64(m.width)
	for len(x) > 0 {
		n := min(len(x), pieceBytes/4)
		if cap(m.bytes) < 4*n {
			m.bytes = make([]byte, 4*n)
		}
		b := m.bytes[:4*n]
		if _, err := m.file.ReadAt(b, at); err != nil {
			return fmt.Errorf("read encoded rows: %w", err)
		}
		_, _ = binary.Decode(b, binary.LittleEndian, x[:n]) // as many bytes as it needs
		x, at = x[n:], at+int64(len(b))
	}
	return nil
}
