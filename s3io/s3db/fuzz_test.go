package s3db_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"retrain"
)

// FuzzNumber writes numbers as s3db.js does and reads them back.
func FuzzNumber(f *testing.F) {
	for _, n := range []float64{0, -0.5, 12345.6789, 1e21, 1.5e21, 1.5e-7, math.MaxFloat64, 1 << 60, 61, 62, -3844} {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n float64) {
		if math.IsNaN(n) || math.IsInf(n, 0) || n != 0 && math.Abs(n) < 1e-6 {
			return // it writes the first two as text, and loses some of the last
		}
		stored := encoded(n)
		if got, err := one("number", stored); err != nil || got != n {
			t.Errorf("%v, stored as %q: got %v, %v", n, stored, got, err)
		}
		whole := math.Floor(math.Abs(n))
		if got, err := one("number|integer", inBase62(whole)); err != nil || got != whole {
			t.Errorf("%v, stored as %q: got %v, %v", whole, inBase62(whole), got, err)
		}
	})
}

// encoded writes a number: the sign, what stands before the point in base 62, and what JavaScript shows behind it.
func encoded(n float64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	text := sign + inBase62(n)
	if _, after, point := strings.Cut(strconv.FormatFloat(n, 'f', -1, 64), "."); point {
		text += "." + after
	}
	return text
}

// inBase62 writes the whole part of a number, exactly: a large one is not what its shortest digits say.
func inBase62(n float64) string {
	i, _ := big.NewFloat(n).Int(nil)
	return i.Text(62)
}

// FuzzSecret opens what was sealed, and refuses anything else without harm.
func FuzzSecret(f *testing.F) {
	f.Add([]byte("salt and nonce and some more bytes of text"), "a secret")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		if got, err := one("secret", base64.StdEncoding.EncodeToString(raw)); !errors.Is(err, retrain.DataValidationError) && got != nil {
			t.Errorf("%d bytes: got %v, %v", len(raw), got, err)
		}
		if len(raw) < 28 {
			return
		}
		stored := seal(t, raw[:16], raw[16:28], text)
		if got, err := one("secret", stored); err != nil || got != text {
			t.Errorf("got %q, %v, want %q", got, err, text)
		}
	})
}

func seal(t *testing.T, salt, nonce []byte, text string) string {
	t.Helper()
	key, err := pbkdf2.Key(sha256.New, "secret", salt, 100_000, 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	sealed := gcm.Seal(nil, nonce, []byte(text), nil)
	return base64.StdEncoding.EncodeToString(append(append(append([]byte{}, salt...), nonce...), sealed...))
}

// FuzzText reads texts back that are stored percent-encoded or in base 64, and anything else without harm.
func FuzzText(f *testing.F) {
	for _, s := range []string{"ação é ótima", "🚀", "null", "undefined", "d:j", "u:%", "", "a|b\\|c", "%", "b:*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if _, err := one("string", s); err != nil && !errors.Is(err, retrain.DataValidationError) {
			t.Fatalf("got %v", err)
		}
		if strings.ToValidUTF8(s, "") != s || strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[") || s == "" {
			return // JSON is decoded
		}
		if got, err := one("string", "b:"+base64.StdEncoding.EncodeToString([]byte(s))); err != nil || got != s {
			t.Errorf("%q in base 64: got %v, %v", s, got, err)
		}
		if got, err := one("string", "u:"+percent(s)); err != nil || got != s {
			t.Errorf("%q as %q: got %v, %v", s, percent(s), got, err)
		}
	})
}

func percent(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteString("%" + strings.ToUpper(strconv.FormatUint(0x100|uint64(s[i]), 16)[1:]))
	}
	return b.String()
}
