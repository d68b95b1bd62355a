package s3io_test

import (
	"bytes"
	"errors"
	"math"
	"reflect"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"retrain"
	"retrain/s3io"
)

type flat struct {
	ID string `parquet:"id"`
	N  int32  `parquet:"n"`
}

func parquetOf[T any](t testing.TB, rows []T) string {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[T](&b, parquet.Compression(&parquet.Zstd))
	_, err := w.Write(rows)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func readParquet(body string) (all []retrain.Record, err error) {
	for table, err := range s3io.ReadParquet([]byte(body), "k") {
		if err != nil {
			return all, err
		}
		for r := range table.Records() {
			all = append(all, r)
		}
	}
	return all, nil
}

func TestParquetTypes(t *testing.T) {
	type inner struct {
		City string   `parquet:"city"`
		Lat  *float64 `parquet:"lat,optional"`
	}
	type row struct {
		ID    int64            `parquet:"id"`
		B     bool             `parquet:"b"`
		I     int64            `parquet:"i"`
		U     uint32           `parquet:"u"`
		F     float32          `parquet:"f"`
		D     float64          `parquet:"d"`
		S     string           `parquet:"s,dict"`
		O     *string          `parquet:"o,optional"`
		Raw   []byte           `parquet:"raw"`
		Money int64            `parquet:"money,decimal(2:18)"`
		Day   int32            `parquet:"day,date"`
		At    time.Time        `parquet:"at,timestamp(millisecond)"`
		Nano  int64            `parquet:"nano,timestamp(nanosecond)"`
		Key   [16]byte         `parquet:"key,uuid"`
		J     string           `parquet:"j,json"`
		Tags  []string         `parquet:"tags,list"`
		Nums  []int32          `parquet:"nums"`
		In    inner            `parquet:"in"`
		Maybe *inner           `parquet:"maybe,optional"`
		Map   map[string]int32 `parquet:"map"`
	}
	at := time.Date(2024, 5, 6, 7, 8, 9, 10_000_000, time.UTC)
	got, err := readParquet(parquetOf(t, []row{
		{ID: 1 << 60, B: true, I: -5, U: 4e9, F: 0.5, D: -1e300, S: "é", O: new("x"), Raw: []byte{0xff, 0}, Money: -123456, Day: 19849, At: at,
			Nano: at.UnixNano(), Key: [16]byte{1, 2, 15: 9}, J: `{"a":[1]}`, Tags: []string{"a", "b"}, Nums: []int32{1}, In: inner{"Rome", new(41.9)},
			Maybe: &inner{"Oslo", nil}, Map: map[string]int32{"k": 3}},
		{ID: 2, D: math.NaN(), J: "null"},
	}))
	want := []retrain.Record{
		{"id": "1152921504606846976", "b": true, "i": -5., "u": 4e9, "f": 0.5, "d": -1e300, "s": "é", "o": "x", "raw": "/wA=", "money": -1234.56,
			"day": "2024-05-06", "at": "2024-05-06T07:08:09.01Z", "nano": "2024-05-06T07:08:09.01Z", "key": "01020000-0000-0000-0000-000000000009",
			"j": map[string]any{"a": []any{1.}}, "tags": []any{"a", "b"}, "nums": []any{1.}, "in.city": "Rome", "in.lat": 41.9, "maybe.city": "Oslo",
			"map.key_value.key": []any{"k"}, "map.key_value.value": []any{3.}},
		{"id": 2., "b": false, "i": 0., "u": 0., "f": 0., "s": "", "raw": "", "money": 0., "day": "1970-01-01", "at": "0001-01-01T00:00:00Z",
			"nano": "1970-01-01T00:00:00Z", "key": "00000000-0000-0000-0000-000000000000", "j": nil, "in.city": ""},
	}
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
	for i := range want {
		for name, v := range want[i] {
			if !reflect.DeepEqual(got[i][name], v) {
				t.Errorf("row %d: %s is %#v, want %#v", i+1, name, got[i][name], v)
			}
			delete(got[i], name)
		}
		if len(got[i]) > 0 {
			t.Errorf("row %d: also has %v", i+1, got[i])
		}
	}
}

func TestParquetBroken(t *testing.T) {
	type level struct {
		M []int32 `parquet:"m"`
	}
	type deep struct {
		L []level `parquet:"l"`
	}
	type number struct {
		X float64 `parquet:"x"`
	}
	whole := parquetOf(t, []flat{{"a", 1}, {"b", 2}})
	for name, c := range map[string]struct{ body, want string }{
		"lists of lists":  {parquetOf(t, []deep{{[]level{{[]int32{1}}}}}), "column l.m holds lists of lists"},
		"infinite":        {parquetOf(t, []number{{1}, {math.Inf(1)}}), "row 2, column x: +Inf"},
		"no footer":       {whole[:len(whole)-8], "not a whole Parquet file"},
		"damaged content": {whole[:8] + strings.Repeat("\xff", 20) + whole[28:], "not a whole Parquet file"},
	} {
		if _, err := readParquet(c.body); !errors.Is(err, retrain.DataValidationError) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
	if got, err := readParquet(parquetOf(t, []flat{})); len(got) != 0 || err != nil {
		t.Errorf("no rows: got %v, %v", got, err)
	}
}

// allocated returns how many bytes were ever allocated.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func FuzzReadParquet(f *testing.F) {
	type row struct {
		N    *int64   `parquet:"n,optional"`
		S    string   `parquet:"s,dict"`
		Tags []string `parquet:"tags,list"`
		D    int64    `parquet:"d,decimal(2:18)"`
	}
	f.Add([]byte(parquetOf(f, []flat{{"a", 1}, {"b", 2}})))
	f.Add([]byte(parquetOf(f, []row{{new(int64(3)), "x", []string{"a"}, 5}, {nil, "y", nil, 6}})))
	f.Fuzz(func(t *testing.T, in []byte) {
		if len(in) > 1<<16 {
			return
		}
		before := allocated()
		for _, err := range s3io.ReadParquet(in, "k") {
			if err != nil && !errors.Is(err, retrain.DataValidationError) {
				t.Fatalf("got %v", err)
			}
			if allocated()-before > 64<<20 {
				break // few bytes may be many rows
			}
		}
		if got := allocated() - before; got > 2<<30 {
			t.Fatalf("%d bytes take %d MiB", len(in), got>>20)
		}
	})
}
