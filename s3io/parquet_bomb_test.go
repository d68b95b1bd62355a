package s3io_test

import (
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"testing"

	"retrain"
)

// A small file that would take much memory is refused before it does.
func TestParquetThatAsksForTooMuch(t *testing.T) {
	whole := parquetOf(t, slices.Repeat([]flat{{strings.Repeat("0", 1000), 1}, {"b", 2}}, 500))
	footer := []byte(whole)
	binary.LittleEndian.PutUint32(footer[len(footer)-8:], 2<<30)
	for name, c := range map[string]struct{ body, want string }{
		"a footer":                 {string(footer), "a footer of 2147483648 bytes in a file of"},
		"more than the header has": {smallerPage(t, whole), "column id: a page: more than"},
	} {
		before := allocated()
		_, err := readParquet(c.body)
		if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if got := allocated() - before; got > 64<<20 {
			t.Errorf("%s: %d MiB", name, got>>20)
		}
	}
}

// smallerPage makes the first page's header say that a tenth of its bytes come out. The header's second field is their number.
func smallerPage(t *testing.T, file string) string {
	t.Helper()
	const at = 4 + 3
	if file[4] != 0x15 || file[6] != 0x15 {
		t.Fatalf("the file begins with % x", file[:16])
	}
	size, n := binary.Varint([]byte(file[at:]))
	other := binary.AppendVarint(nil, size/10)
	for len(other) < n {
		other[len(other)-1] |= 0x80
		other = append(other, 0)
	}
	return file[:at] + string(other) + file[at+n:]
}
