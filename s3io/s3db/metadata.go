package s3db

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

// What single characters after d: stand for. One of them, f, is in both tables of s3db.js, which reads it as the status.
var words = map[string]string{
	"p": "processing", "c": "completed", "s": "succeeded", "f": "failed", "x": "cancelled", "t": "timeout", "r": "retrying",
	"a": "authorized", "K": "captured", "R": "refunded", "d": "declined", "h": "shipped", "D": "delivered", "e": "returned",
	"i": "in_transit", "n": "initialized", "m": "terminated",

	"j": "application/json", "X": "application/xml", "J": "application/ld+json", "H": "text/html", "T": "text/plain", "C": "text/css",
	"V": "text/javascript", "v": "text/csv", "P": "image/png", "I": "image/jpeg", "G": "image/gif", "S": "image/svg+xml",
	"W": "image/webp", "Q": "application/pdf", "z": "application/zip", "o": "application/octet-stream",
	"u": "application/x-www-form-urlencoded", "F": "multipart/form-data", "w": "font/woff",
}

// The beginnings of addresses that two characters after d: stand for.
var beginnings = map[string]string{
	"@1": "/api/v1/", "@2": "/api/v2/", "@3": "/api/v3/", "@a": "/api/", "@A": "https://api.example.com/", "@H": "https://api.",
	"@W": "https://www.", "@h": "https://", "@t": "http://", "@s": "https://s3.amazonaws.com/", "@S": "https://s3-",
	"@L": "http://localhost:", "@l": "http://localhost", "@v": "/v1/", "@u": "/users/", "@p": "/products/",
}

var errNotText = errors.New("not UTF-8")

// plain returns the text that a value of S3 metadata stands for, nil for null, and false where there is no value at all.
func plain(v string) (text any, ok bool, err error) {
	switch v {
	case "null":
		return nil, true, nil
	case "undefined":
		return nil, false, nil
	}
	s := v
	if len(v) > 2 {
		switch v[:2] {
		case "d:":
			s = abbreviated(v)
		case "u:":
			s, err = url.PathUnescape(v[2:])
		case "b:":
			var raw []byte
			raw, err = unbase64(v[2:])
			s = string(raw)
		}
	}
	if err == nil && !utf8.ValidString(s) {
		err = errNotText
	}
	return s, true, err
}

// abbreviated writes out what begins with d:, where the tables know it.
func abbreviated(v string) string {
	if word, ok := words[v[2:]]; ok {
		return word
	}
	if len(v) >= 4 {
		if begin, ok := beginnings[v[2:4]]; ok {
			return begin + v[4:]
		}
	}
	return v
}

// unbase64 reads base64 with or without its padding.
func unbase64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}
