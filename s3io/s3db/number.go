package s3db

import (
	"errors"
	"math/big"
	"strconv"
	"strings"
)

const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// The longest whole number: a float64 has 309 decimal digits at most, which are 173 of these.
const mostDigits = 180

var errNotNumber = errors.New("not a number in base 62")

// shortName returns the name of the attribute with an index. The base is 62 or 36.
func shortName(i, base int) string {
	if i < 0 {
		return ""
	}
	name := ""
	for {
		name = digits[i%base:i%base+1] + name
		if i /= base; i == 0 {
			return name
		}
	}
}

// whole reads a whole number in base 62, without a sign, and returns it in base 10.
func whole(s string) (string, error) {
	if s == "" || len(s) > mostDigits {
		return "", errNotNumber
	}
	n := uint64(0)
	for i := range len(s) {
		d := strings.IndexByte(digits, s[i])
		if d < 0 {
			return "", errNotNumber
		}
		if n > (1<<64-1-uint64(d))/62 {
			return wholeBig(s)
		}
		n = n*62 + uint64(d)
	}
	return strconv.FormatUint(n, 10), nil
}

func wholeBig(s string) (string, error) {
	n, base := new(big.Int), big.NewInt(62)
	for i := range len(s) {
		d := strings.IndexByte(digits, s[i])
		if d < 0 {
			return "", errNotNumber
		}
		n.Add(n.Mul(n, base), big.NewInt(int64(d)))
	}
	return n.String(), nil
}

// decodeInteger reads a whole number, which may be negative.
func decodeInteger(s string) (float64, error) {
	rest, negative := strings.CutPrefix(s, "-")
	ten, err := whole(rest)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseFloat(ten, 64)
	return signed(n, negative), err
}

// decodeNumber reads a number: before the point it is in base 62, after it there are decimal digits, and sometimes an exponent.
func decodeNumber(s string) (float64, error) {
	rest, negative := strings.CutPrefix(s, "-")
	before, after, point := strings.Cut(rest, ".")
	ten, err := whole(before)
	if err != nil {
		return 0, err
	}
	if point {
		if after == "" || after[0] < '0' || after[0] > '9' || strings.ContainsAny(after, "_xXpP") {
			return 0, errNotNumber
		}
		ten += "." + after
	}
	n, err := strconv.ParseFloat(ten, 64)
	if err != nil {
		return 0, errNotNumber
	}
	return signed(n, negative), nil
}

// decodeFixed reads a number of so many decimal places, which is stored as a whole one behind a mark.
func decodeFixed(s, mark string, places int) (float64, error) {
	rest, ok := strings.CutPrefix(s, mark)
	if !ok {
		return 0, errNotNumber
	}
	n, err := decodeInteger(rest)
	return n / power(places), err
}

func power(places int) float64 {
	p := 1.0
	for range places {
		p *= 10
	}
	return p
}

func signed(n float64, negative bool) float64 {
	if negative && n != 0 { // JavaScript's -0 is stored as 0
		return -n
	}
	return n
}
