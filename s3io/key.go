package s3io

import (
	"net/url"
	"strings"

	"retrain"
)

// A segment of a key becomes a file's name on some servers, and those have a limit of 255 bytes.
const longestSegment = 240

// segment returns s as one segment of a key: letters, digits, '-', '_', and '.' but at the beginning, stand for themselves,
// all other bytes are written as %2F. No two strings have the same segment, and none leaves its folder.
func segment(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; isPlain(c) && (c != '.' || i > 0) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte("0123456789ABCDEF"[c>>4])
			b.WriteByte("0123456789ABCDEF"[c&15])
		}
	}
	return b.String()
}

func isPlain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
}

// unsegment reads what segment wrote. Keys that it did not write are somebody else's objects: false.
func unsegment(s string) (string, bool) {
	u, err := url.PathUnescape(s)
	return u, err == nil && u != "" && segment(u) == s
}

// batchSegment returns the segment of a batch's id.
func batchSegment(id string) (string, error) {
	s := segment(id)
	if strings.HasPrefix(id, "\x00") {
		return "", retrain.Errorf(retrain.DataValidationError, "batch id %q", id).WithHint("ids with such a beginning are those of absorptions")
	}
	if s == "" || len(s) > longestSegment {
		return "", retrain.Errorf(retrain.DataValidationError, "a batch id of %d bytes", len(id)).
			WithHint("an id has 1 to %d bytes; those that are no ASCII letters, digits, hyphens, dots or underscores count thrice", longestSegment)
	}
	return s, nil
}
