package s3io_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"iter"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"

	"retrain"
	"retrain/s3io"
)

// records takes a sequence to its end.
func records(seq iter.Seq2[retrain.Record, error]) (all []retrain.Record, err error) {
	for r, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

func TestReadCSV(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     []retrain.Record
	}{
		{"numbers, booleans, text and nothing", "a,b,c,d\n1,true,x,\n-2.5e3,FALSE,true x,0\n",
			[]retrain.Record{{"a": 1., "b": true, "c": "x"}, {"a": -2500., "b": false, "c": "true x", "d": 0.}}},
		{"what only looks like a number", "a\n007\n+1\n1.\n.5\n0x10\nNaN\nInfinity\n1_000\n1e999\n-\n12345678901234567890\n",
			[]retrain.Record{{"a": "007"}, {"a": "+1"}, {"a": "1."}, {"a": ".5"}, {"a": "0x10"}, {"a": "NaN"}, {"a": "Infinity"},
				{"a": "1_000"}, {"a": "1e999"}, {"a": "-"}, {"a": "12345678901234567890"}}},
		{"space around a number", "a\n 1 \n x \n", []retrain.Record{{"a": 1.}, {"a": " x "}}},
		{"an id as long as a float64 keeps", "id\n9007199254740993\n9007199254740992\n",
			[]retrain.Record{{"id": "9007199254740993"}, {"id": 9007199254740992.}}},
		{"semicolons", "a;b\n1,5;2\n", []retrain.Record{{"a": "1,5", "b": 2.}}},
		{"tabs", "a\tb\n1\t2\n", []retrain.Record{{"a": 1., "b": 2.}}},
		{"bars", "a|b\n1|2\n", []retrain.Record{{"a": 1., "b": 2.}}},
		{"a separator in quotes", "\"a;b;c\",d\n1,2\n", []retrain.Record{{"a;b;c": 1., "d": 2.}}},
		{"quotes, line ends in them, CRLF", "a,b\r\n\"x\"\"y\r\nz\",1\r\n", []retrain.Record{{"a": "x\"y\nz", "b": 1.}}},
		{"a byte order mark", "\uFEFFa,b\n1,2\n", []retrain.Record{{"a": 1., "b": 2.}}},
		{"no rows", "a,b\n", nil},
		{"no line end", "a\n1", []retrain.Record{{"a": 1.}}},
		{"empty lines", "a,b\n\n1,2\n\n", []retrain.Record{{"a": 1., "b": 2.}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := records(s3io.Read(iotest.OneByteReader(strings.NewReader(c.in)), ""))
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v, %v, want %v", got, err, c.want)
			}
		})
	}
}

func TestReadJSONL(t *testing.T) {
	want := []retrain.Record{{"id": "a", "n": 1., "o": map[string]any{"x": []any{true, nil}}}, {"id": "b"}}
	for name, in := range map[string]string{
		"lines":              `{"id":"a","n":1,"o":{"x":[true,null]}}` + "\n" + `{"id":"b"}` + "\n",
		"no last line end":   `{"id":"a","n":1,"o":{"x":[true,null]}}` + "\n" + `{"id":"b"}`,
		"empty lines, CRLF":  "\n \r\n" + `{"id":"a","n":1,"o":{"x":[true,null]}}` + "\r\n\r\n" + `{"id":"b"}` + "\r\n",
		"an array":           `[{"id":"a","n":1,"o":{"x":[true,null]}},{"id":"b"}]`,
		"an array on lines":  " \n[\n {\"id\":\"a\",\n \"n\":1,\"o\":{\"x\":[true,null]}}\n,\n{\"id\":\"b\"}\n]\n\n",
		"a byte order mark":  "\uFEFF" + `{"id":"a","n":1,"o":{"x":[true,null]}}` + "\n" + `{"id":"b"}`,
		"numbers in a style": `{"id":"a","n":1.0e0,"o":{"x":[true,null]}}` + "\n" + `{"id":"b"}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := records(s3io.Read(strings.NewReader(in), ""))
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
	for _, in := range []string{"", "[]", "\n\n"} {
		if got, err := records(s3io.Read(strings.NewReader(in), s3io.JSONL)); len(got) != 0 || err != nil {
			t.Errorf("%q: got %v, %v, want nothing", in, got, err)
		}
	}
	got, err := records(s3io.ReadJSONL(strings.NewReader(`{"id":12345678901234567890}` + "\n" + `{"id":9007199254740993}` + "\n" + `{"id":7}`)))
	if want := []retrain.Record{{"id": "12345678901234567890"}, {"id": "9007199254740993"}, {"id": 7.}}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("long ids: got %v, %v, want %v", got, err, want)
	}
}

func TestReadBroken(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"a row too short", "a,b\n1,2\n3\n4,5\n", "line 3: 1 fields, the header has 2"},
		{"a row too long", "a,b\n1,2\n\n3,4,5\n", "line 4: 3 fields, the header has 2"},
		{"an open quote", "a,b\n1,2\n\"3,4\n5,6\n", "line 3: extraneous or missing"},
		{"a bare quote", "a,b\n1,x\"y\n", "line 2: column 4: bare \""},
		{"Latin-1", "a,b\n1,caf\xe9\n", "line 2: not UTF-8"},
		{"Latin-1 in the header", "a,caf\xe9\n1,2\n", "line 1: not UTF-8"},
		{"an empty file", "", "line 1: the file is empty"},
		{"a field without a name", "a,,c\n", "line 1: field 2 of the header has no name"},
		{"a field twice", "a,b, a\n", `line 1: the header names "a" twice`},
		{"a line that ends", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n", "line 2: jsontext: unexpected EOF"},
		{"a line of text", "{\"a\":1}\nflour\n", "line 2: jsontext: invalid character 'l'"},
		{"a line with two", "{\"a\":1}\n\n{\"a\":1} {\"a\":2}\n", "line 3: jsontext: invalid character '{'"},
		{"a number", "{\"a\":1}\n3\n", "line 2: it is a JSON number and not an object"},
		{"a null", "{\"a\":1}\nnull\n", "line 2: it is a JSON null and not an object"},
		{"a name twice", `{"a":1,"a":2}`, `line 1: jsontext: duplicate object member name "a"`},
		{"not UTF-8", "{\"a\":\"\xff\"}", "line 1: jsontext: invalid UTF-8"},
		{"an array that ends", "[\n{\"a\":1},\n{\"a\":2}\n", "line 4: jsontext: unexpected EOF"},
		{"an array of numbers", "[\n{\"a\":1},\n2]\n", "line 3: a JSON number stands in the array, and not an object"},
		{"a broken object in an array", "[\n{\"a\":1},\n\n{\"a\":\n x}]", "line 4: jsontext: invalid character 'x'"},
		{"something after an array", "[{\"a\":1}]\n{}", "line 2: something follows the array"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := records(s3io.Read(strings.NewReader(c.in), ""))
			if !errors.Is(err, retrain.DataValidationError) || !strings.HasPrefix(err.Error(), "DataValidationError: "+c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
	if _, err := records(s3io.Read(strings.NewReader("x"), "xml")); !errors.Is(err, retrain.DataValidationError) {
		t.Errorf("an unknown format: got %v", err)
	}
}

func TestReadPacked(t *testing.T) {
	text := []byte("a,b\n1,2\n3,4\n")
	want := []retrain.Record{{"a": 1., "b": 2.}, {"a": 3., "b": 4.}}
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	w.Write(text) // a bytes.Buffer takes all
	w.Close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	zst := enc.EncodeAll(text, nil)
	for name, packed := range map[string][]byte{"gzip": gz.Bytes(), "zstd": zst} {
		got, err := records(s3io.Read(bytes.NewReader(packed), ""))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
		for _, n := range []int{5, len(packed) / 2, len(packed) - 1} {
			if _, err := records(s3io.Read(bytes.NewReader(packed[:n]), s3io.CSV)); !errors.Is(err, retrain.DataValidationError) {
				t.Errorf("%s, %d of %d bytes: got %v", name, n, len(packed), err)
			}
		}
	}
}
