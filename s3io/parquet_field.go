package s3io

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"retrain"
)

// A parquetField is a leaf of a file's schema.
type parquetField struct {
	name string
	list bool // a row may have several values of it
	put  func(c *column, row int, v parquet.Value) error
}

// parquetFields returns the leaves in the order of their columns.
func parquetFields(schema *parquet.Schema) ([]*parquetField, error) {
	var fields []*parquetField
	taken := make(map[string]bool)
	for _, path := range schema.Columns() {
		leaf, ok := schema.Lookup(path...)
		if !ok {
			return nil, noParquet(fmt.Errorf("column %s is not in its schema", strings.Join(path, ".")))
		}
		p := &parquetField{name: fieldName(path), list: leaf.MaxRepetitionLevel > 0}
		if leaf.MaxRepetitionLevel > 1 {
			return nil, retrain.Errorf(retrain.DataValidationError, "column %s holds lists of lists", p.name).WithHint("flatten it, or leave it out of the file")
		}
		if taken[p.name] {
			return nil, retrain.Errorf(retrain.DataValidationError, "two columns are named %s", p.name)
		}
		taken[p.name] = true
		p.put = putOf(leaf.Node.Type(), p.name)
		fields = append(fields, p)
	}
	return fields, nil
}

// fieldName joins a path with dots, without the levels that only say that there is a list.
func fieldName(path []string) string {
	name := strings.Join(path, ".")
	for _, level := range []string{".list.element", ".list.item", ".bag.array_element", ".array"} {
		if short, ok := strings.CutSuffix(name, level); ok {
			return short
		}
	}
	return name
}

// putOf returns what puts a value of a type into a column.
func putOf(t parquet.Type, name string) func(c *column, row int, v parquet.Value) error {
	if logical := t.LogicalType(); logical != nil {
		switch l := logical.Value.(type) {
		case *format.DecimalType:
			return putDecimal(l.Scale)
		case *format.DateType:
			return putDate
		case *format.TimestampType:
			if l.Unit.Value != nil {
				return putTime(l.Unit.Value.Duration())
			}
		case *format.UUIDType:
			return putUUID
		case *format.JsonType:
			return putJSONText
		case *format.IntType:
			if !l.IsSigned {
				return putUnsigned
			}
		}
	}
	return func(c *column, row int, v parquet.Value) error { return putPlain(c, row, v, name) }
}

// putPlain puts what has no meaning but its physical type. A number that is none is missing, which is how other programs write
// that; an infinite one is an error.
func putPlain(c *column, row int, v parquet.Value, name string) error {
	switch v.Kind() {
	case parquet.Boolean:
		n := 0.0
		if v.Boolean() {
			n = 1
		}
		c.setNumber(row, retrain.Bool, n)
	case parquet.Int32:
		c.setNumber(row, retrain.Number, float64(v.Int32()))
	case parquet.Int64:
		if n := v.Int64(); name == "id" && (n > 1<<53 || n < -1<<53) { // its digits would be lost
			c.setText(row, retrain.Text, fmt.Sprint(n))
		} else {
			c.setNumber(row, retrain.Number, float64(n))
		}
	case parquet.Float:
		return putFloat(c, row, float64(v.Float()))
	case parquet.Double:
		return putFloat(c, row, v.Double())
	case parquet.Int96:
		i := v.Int96()
		const julian1970 = 2440588
		at := time.Unix((int64(i[2])-julian1970)*86400, int64(uint64(i[1])<<32|uint64(i[0])))
		c.setText(row, retrain.Text, at.UTC().Format(time.RFC3339Nano))
	case parquet.ByteArray, parquet.FixedLenByteArray:
		if b := v.ByteArray(); utf8.Valid(b) {
			c.setText(row, retrain.Text, string(b))
		} else {
			c.setText(row, retrain.Text, base64.StdEncoding.EncodeToString(b))
		}
	}
	return nil
}

func putFloat(c *column, row int, n float64) error {
	switch {
	case math.IsNaN(n):
		return nil
	case math.IsInf(n, 0):
		return fmt.Errorf("%v is not a number that JSON has", n)
	}
	c.setNumber(row, retrain.Number, n)
	return nil
}

func putUnsigned(c *column, row int, v parquet.Value) error {
	if v.Kind() == parquet.Int32 {
		c.setNumber(row, retrain.Number, float64(v.Uint32()))
	} else {
		c.setNumber(row, retrain.Number, float64(v.Uint64()))
	}
	return nil
}

// putDecimal puts a whole number with so many of its digits behind the point.
func putDecimal(scale int32) func(c *column, row int, v parquet.Value) error {
	return func(c *column, row int, v parquet.Value) error {
		var whole *big.Int
		switch v.Kind() {
		case parquet.Int32:
			whole = big.NewInt(int64(v.Int32()))
		case parquet.Int64:
			whole = big.NewInt(v.Int64())
		case parquet.ByteArray, parquet.FixedLenByteArray:
			whole = twosComplement(v.ByteArray())
		default:
			return fmt.Errorf("a decimal of type %s", v.Kind())
		}
		if scale < 0 || scale > 300 {
			return fmt.Errorf("a decimal with %d places", scale)
		}
		n, _ := new(big.Rat).SetFrac(whole, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)).Float64()
		return putFloat(c, row, n)
	}
}

func twosComplement(b []byte) *big.Int {
	n := new(big.Int).SetBytes(b)
	if len(b) > 0 && b[0] >= 0x80 {
		n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(len(b))*8))
	}
	return n
}

func putDate(c *column, row int, v parquet.Value) error {
	c.setText(row, retrain.Text, time.Unix(int64(v.Int32())*86400, 0).UTC().Format(time.DateOnly))
	return nil
}

func putTime(unit time.Duration) func(c *column, row int, v parquet.Value) error {
	return func(c *column, row int, v parquet.Value) error {
		perSecond := int64(time.Second / unit)
		n := v.Int64()
		at := time.Unix(n/perSecond, n%perSecond*int64(unit))
		c.setText(row, retrain.Text, at.UTC().Format(time.RFC3339Nano))
		return nil
	}
}

func putUUID(c *column, row int, v parquet.Value) error {
	b := v.ByteArray()
	if len(b) != 16 {
		return fmt.Errorf("a UUID of %d bytes", len(b))
	}
	h := hex.EncodeToString(b)
	c.setText(row, retrain.Text, strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-"))
	return nil
}

func putJSONText(c *column, row int, v parquet.Value) error {
	b := v.ByteArray()
	if !json.Valid(b) {
		return fmt.Errorf("not JSON: %.40q", b)
	}
	c.setText(row, retrain.JSON, string(b))
	return nil
}
