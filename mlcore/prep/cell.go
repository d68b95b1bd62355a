package prep

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"retrain"
)

// A cell is one value of a record. An empty text is a missing value: that is what forms and spreadsheets leave behind.
type cell struct {
	kind   retrain.Cell
	number float64 // of a Number or Bool
	text   string  // of a Text, or an object or array as JSON
}

// cellOf returns a value of a record, or what an expression gave.
func cellOf(v any) cell {
	switch v := v.(type) {
	case nil:
		return cell{}
	case float64:
		return cell{kind: retrain.Number, number: v}
	case string:
		return textCell(v)
	case bool:
		return boolCell(v)
	case int:
		return cell{kind: retrain.Number, number: float64(v)}
	case int64:
		return cell{kind: retrain.Number, number: float64(v)}
	case float32:
		return cell{kind: retrain.Number, number: float64(v)}
	case json.Number:
		n, err := v.Float64()
		if err != nil {
			return textCell(v.String())
		}
		return cell{kind: retrain.Number, number: n}
	case time.Time:
		return textCell(v.UTC().Format(time.RFC3339Nano))
	case time.Duration:
		return cell{kind: retrain.Number, number: v.Seconds()}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return cell{kind: retrain.JSON, text: "a value that JSON cannot write"}
	}
	return cell{kind: retrain.JSON, text: string(b)}
}

func textCell(s string) cell {
	if s == "" {
		return cell{}
	}
	return cell{kind: retrain.Text, text: s}
}

func boolCell(b bool) cell {
	if b {
		return cell{kind: retrain.Bool, number: 1}
	}
	return cell{kind: retrain.Bool}
}

// asNumber returns a number: of a text that is written as one, too.
func (c cell) asNumber() (float64, bool) {
	switch c.kind {
	case retrain.Number, retrain.Bool:
		return c.number, true
	case retrain.Text:
		n, err := strconv.ParseFloat(c.text, 64)
		return n, err == nil
	}
	return 0, false
}

// date returns the moment that a text or a number names.
func (c cell) date() (time.Time, bool) {
	switch c.kind {
	case retrain.Text:
		return ParseDate(c.text)
	case retrain.Number:
		return fromUnix(c.number)
	}
	return time.Time{}, false
}

// label returns the value as the name of a level or class: numbers as JSON writes them.
func (c cell) label() string {
	switch c.kind {
	case retrain.Number:
		return numberText(c.number)
	case retrain.Bool:
		return strconv.FormatBool(c.number != 0)
	}
	return c.text
}

// String returns the value as errors show it: text in quotes, at most some forty characters of it.
func (c cell) String() string {
	const most = 40
	switch c.kind {
	case retrain.Missing:
		return "nothing"
	case retrain.Text, retrain.JSON:
		s := []rune(c.text)
		if len(s) > most {
			s = append(s[:most], '…')
		}
		if c.kind == retrain.JSON {
			return string(s)
		}
		return strconv.Quote(string(s))
	}
	return c.label()
}

func numberText(n float64) string {
	b, err := json.Marshal(n)
	if err != nil { // NaN and the infinities
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	return string(b)
}

// ParseDate reads "2024-05-01T12:00:00Z" as RFC 3339 has it, "2024-05-01" or "2024-05". A blank may stand for the T, and
// what has no time zone is UTC.
func ParseDate(s string) (time.Time, bool) {
	var layout string
	switch {
	case len(s) == len("2006-01"):
		layout = "2006-01"
	case len(s) == len(time.DateOnly):
		layout = time.DateOnly
	case len(s) >= len(time.DateTime) && (s[10] == 'T' || s[10] == 't' || s[10] == ' '):
		if layout = time.RFC3339; !zoned(s) {
			layout = "2006-01-02T15:04:05"
		}
		s = s[:10] + "T" + s[11:]
	default:
		return time.Time{}, false
	}
	t, err := time.Parse(layout, s)
	return t.UTC(), err == nil
}

// zoned reports whether a time of day ends with its zone: Z or +02:00.
func zoned(s string) bool {
	return s[len(s)-1] == 'Z' || strings.ContainsAny(s[len(time.DateOnly):], "+-")
}

// tooManySeconds since 1970 lie in the year 5138: such a number counts milliseconds.
const tooManySeconds = 1e11

// fromUnix reads a number of seconds since 1970, or of milliseconds where it is too large for that.
func fromUnix(n float64) (time.Time, bool) {
	if math.IsNaN(n) || math.Abs(n) > 1e15 {
		return time.Time{}, false
	}
	if math.Abs(n) >= tooManySeconds {
		n /= 1000
	}
	whole, part := math.Modf(n)
	return time.Unix(int64(whole), int64(math.Round(part*1e9))).UTC(), true
}

// seconds returns a moment as Unix seconds.
func seconds(t time.Time) float64 { return float64(t.Unix()) + float64(t.Nanosecond())/1e9 }
