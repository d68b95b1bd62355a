package s3io_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"

	"retrain"
	"retrain/s3io"
)

// long returns files of all formats, each longer than a piece, with so many rows.
func long(t testing.TB, rows int) map[string]string {
	t.Helper()
	type row struct {
		N int64  `parquet:"n"`
		T string `parquet:"t"`
	}
	random := rand.NewChaCha8([32]byte{1})
	text := make([]byte, 100)
	var csv, lines strings.Builder
	csv.WriteString("n,t\n")
	var table []row
	for i := range rows {
		for j := range text {
			text[j] = 'a' + byte(random.Uint64()%26)
		}
		fmt.Fprintf(&csv, "%d,%s\n", i, text)
		fmt.Fprintf(&lines, `{"n":%d,"t":%q}`+"\n", i, text)
		table = append(table, row{int64(i), string(text)})
	}
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"f/a.csv": csv.String(), "f/a.jsonl": lines.String(), "f/a.csv.gz": gzipped(csv.String()),
		"f/a.jsonl.zst": string(zip.EncodeAll([]byte(lines.String()), nil)), "f/a.parquet": parquetOf(t, table)}
}

// A long file is read piece by piece, as it was at the snapshot, and no further ahead of its reader than some pieces.
func TestLongFiles(t *testing.T) {
	const rows = 90_000
	for key, body := range long(t, rows) {
		var gets atomic.Int32
		theirs := filled(t, map[string]string{key: body})
		counted := &s3io.Faulty{Bucket: theirs, Before: func(op s3io.Op, _ string) error {
			if op == s3io.OpGet {
				gets.Add(1)
			}
			return nil
		}}
		s := sourcesOver(counted, new(s3io.Memory))
		d, err := s.Snapshot(t.Context(), filesResource("f/", ""), nil)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for table, err := range s.Tables(t.Context(), d) {
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			for row := range table.Rows {
				if table.Column("n").Numbers[row] != float64(n) || len(table.Column("t").Texts[row]) != 100 {
					t.Fatalf("%s: row %d is %v", key, n, table.Record(row))
				}
				n++
			}
		}
		if pieces := int32(len(body)/(8<<20)) + 1; n != rows || gets.Load() < pieces || gets.Load() > 2*pieces+4 {
			t.Errorf("%s: %d rows with %d GETs of %d bytes", key, n, gets.Load(), len(body))
		}
		if len(body) > 8<<20 {
			testChangedMeanwhile(t, theirs, key, body)
		}
	}
}

func testChangedMeanwhile(t *testing.T, theirs *s3io.Memory, key, body string) {
	t.Helper()
	s := sourcesOver(theirs, new(s3io.Memory))
	d, err := s.Snapshot(t.Context(), filesResource("f/", ""), nil)
	if err != nil {
		t.Fatal(err)
	}
	slow := &s3io.Faulty{Bucket: theirs}
	var gets atomic.Int32
	slow.After = func(op s3io.Op, _ string) error {
		if op != s3io.OpGet || gets.Add(1) != 1 {
			return nil
		}
		_, err := theirs.Put(context.Background(), key, []byte(body+"\n"), s3io.Always)
		return err
	}
	if _, err := readDataset(t, sourcesOver(slow, new(s3io.Memory)), d); !errors.Is(err, retrain.NotFoundError) || !strings.Contains(err.Error(), key+" was changed since the snapshot") {
		t.Errorf("%s: changed while it is read: got %v", key, err)
	}
}

// A row that never ends is an error before it fills the memory.
func TestRowsWithoutEnd(t *testing.T) {
	zip, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	endless := strings.Repeat("0123456789abcdef", 5<<20)
	for name, text := range map[string]string{"an open quote": "a,b\n1,2\n\"" + endless, "an open bracket": "[\n{\"a\":\"" + endless, "a line": "{\"a\":1}\n{\"a\":\"" + endless} {
		packed := zip.EncodeAll([]byte(text), nil)
		_, err := records(s3io.Read(strings.NewReader(string(packed)), ""))
		if !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), "line 2: ") && !strings.Contains(err.Error(), "line 3: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
