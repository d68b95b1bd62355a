package s3db

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// value decodes a text by its attribute's definition. Which type a definition has is found as s3db.js finds it: by what it
// contains, the first in this order.
func (d *decoder) value(definition, v string) (any, error) {
	is := func(what string) bool { return strings.Contains(definition, what) }
	switch {
	case is("embedding"), is("array") && strings.HasPrefix(v, "^["):
		return embedding(v)
	case is("array"):
		return array(definition, v)
	case is("secret"):
		return d.secret(v)
	case is("password"): // a hash: it goes one way
		return v, nil
	case is("ip4"):
		return address(v, 4)
	case is("ip6"):
		return address(v, 16)
	case is("money"), is("crypto"):
		return money(definition, v)
	case is("decimal"):
		return decodeFixed(v, "^", places(definition, "decimal", 2))
	case is("geo:lat"):
		return degrees(v, places(definition, "geo:lat", 6), 90)
	case is("geo:lon"):
		return degrees(v, places(definition, "geo:lon", 6), 180)
	case is("geo:point"):
		return point(v)
	case is("number"):
		return number(definition, v)
	case is("boolean"):
		return v == "1" || v == "true" || v == "yes" || v == "y", nil
	case is("datetime"):
		return moment(v), nil
	}
	return parsed(v), nil
}

// parsed returns the JSON that a text is, where it is an object or an array, and otherwise the text.
func parsed(v string) any {
	var decoded any
	if strings.HasPrefix(v, "{") || strings.HasPrefix(v, "[") {
		if json.Unmarshal([]byte(v), &decoded) == nil {
			return decoded
		}
	}
	return v
}

// embedding reads ^[a,b,…]: numbers of six decimal places.
func embedding(v string) (any, error) {
	list := []any{}
	if v == "" {
		return list, nil
	}
	inner, begins := strings.CutPrefix(v, "^[")
	inner, ends := strings.CutSuffix(inner, "]")
	if !begins || !ends {
		if l, ok := parsed(v).([]any); ok {
			return l, nil
		}
		return nil, errors.New("not a list of numbers")
	}
	for n := range strings.SplitSeq(inner, ",") {
		if inner == "" {
			break
		}
		x, err := decodeInteger(n)
		if err != nil {
			return nil, err
		}
		list = append(list, x/1e6)
	}
	return list, nil
}

// array reads a|b|…; lists of other things than texts and numbers are JSON.
func array(definition, v string) (any, error) {
	texts := strings.Contains(definition, "items:string")
	if !texts && !strings.Contains(definition, "items:number") {
		return parsed(v), nil
	}
	list := []any{}
	for _, item := range split(v) {
		if texts {
			list = append(list, item)
			continue
		}
		n, err := number(definition, item)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// split cuts at the bars before which there is no backslash.
func split(v string) (items []string) {
	if v == "" {
		return nil
	}
	var item strings.Builder
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '\\' && i+1 < len(v):
			i++
			item.WriteByte(v[i])
		case v[i] == '|':
			items = append(items, item.String())
			item.Reset()
		default:
			item.WriteByte(v[i])
		}
	}
	return append(items, item.String())
}

// number reads a number. An empty text is what s3db.js stores of one that it cannot write, as 1e-7, and what it reads back.
func number(definition, v string) (any, error) {
	if v == "" {
		return "", nil
	}
	if strings.Contains(definition, "|integer") {
		return decodeInteger(v)
	}
	return decodeNumber(v)
}

func money(definition, v string) (any, error) {
	if !strings.HasPrefix(v, "$") {
		return v, nil
	}
	if strings.Contains(definition, "crypto") {
		return decodeFixed(v, "$", places(definition, "crypto", 8))
	}
	return decodeFixed(v, "$", places(definition, "money", 2))
}

func address(v string, size int) (any, error) {
	raw, err := unbase64(v)
	if err != nil {
		return nil, err
	}
	if len(raw) != size {
		return nil, fmt.Errorf("an address of %d bytes, and not of %d", len(raw), size)
	}
	a, _ := netip.AddrFromSlice(raw) // of 4 or 16 bytes it is one
	return a.String(), nil
}

// degrees reads a latitude or longitude, which is stored from the pole or the antimeridian.
func degrees(v string, places int, from float64) (any, error) {
	n, err := decodeFixed(v, "~", places)
	return n - from, err
}

func point(v string) (any, error) {
	parts := strings.Split(v, "~")
	if len(parts) != 3 || parts[0] != "" {
		return nil, errors.New("not a point")
	}
	lat, err := degrees("~"+parts[1], 6, 90)
	if err != nil {
		return nil, err
	}
	lon, err := degrees("~"+parts[2], 6, 180)
	return map[string]any{"latitude": lat, "longitude": lon}, err
}

// moment reads milliseconds since 1970. Other texts, as version 13 stores, are left as they are.
func moment(v string) any {
	ms, err := decodeInteger(v)
	if err != nil || ms > 8.64e15 || ms < -8.64e15 { // what JavaScript has dates for
		return v
	}
	return time.UnixMilli(int64(ms)).UTC().Format("2006-01-02T15:04:05.000Z")
}

var afterColon = regexp.MustCompile(`^:(\d{1,2})`)

// places returns how many decimal places a definition gives, as in decimal:4, or else so many as is usual.
func places(definition, kind string, usual int) int {
	_, rest, _ := strings.Cut(definition, kind)
	if m := afterColon.FindStringSubmatch(rest); m != nil {
		n, _ := strconv.Atoi(m[1]) // two digits
		return n
	}
	return usual
}
