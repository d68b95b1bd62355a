package s3io_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

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

// LZ4 is refused, rather than read wrongly.
func TestParquetWithLZ4(t *testing.T) {
	var b bytes.Buffer
	w := parquet.NewGenericWriter[flat](&b, parquet.Compression(&parquet.Lz4Raw))
	_, err := w.Write([]flat{{"a", 1}})
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = readParquet(b.String())
	if e, ok := errors.AsType[*retrain.Error](err); !ok || e.Code != retrain.DataValidationError || !strings.Contains(e.Message, "column id is packed with LZ4_RAW") || e.Hint == "" {
		t.Errorf("got %v", err)
	}
}

// What other codecs pack comes out as it went in, whatever the pages are like.
func TestParquetCodecs(t *testing.T) {
	var rows []flat
	for i := range 5000 {
		rows = append(rows, flat{strings.Repeat("x", i%50) + strconv.Itoa(i), int32(i)})
	}
	for _, codec := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd} {
		for version := 1; version <= 2; version++ {
			var b bytes.Buffer
			w := parquet.NewGenericWriter[flat](&b, parquet.Compression(codec), parquet.DataPageVersion(version), parquet.PageBufferSize(8<<10), parquet.MaxRowsPerRowGroup(2000))
			_, err := w.Write(rows)
			if err = errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			got, err := readParquet(b.String())
			if err != nil || len(got) != len(rows) {
				t.Fatalf("%s, version %d: %d rows, %v", codec, version, len(got), err)
			}
			for i, r := range got {
				if r["id"] != rows[i].ID || r["n"] != float64(i) {
					t.Fatalf("%s, version %d: row %d is %v", codec, version, i+1, r)
				}
			}
		}
	}
}
