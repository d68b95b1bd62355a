package s3db

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha256"
	"errors"

	"retrain"
)

// A secret is a salt, a nonce and what AES-256-GCM makes of the text.
const (
	saltSize, nonceSize = 16, 12
	iterations          = 100_000 // of PBKDF2, for a key per secret: about 20 ms of a core each
)

var errNoSecret = errors.New("too short for a secret")

// secret decrypts a text. Without a passphrase there is no value.
func (d *decoder) secret(v string) (any, error) {
	if d.passphrase == "" {
		return missing{}, nil
	}
	raw, err := unbase64(v)
	if err != nil {
		return nil, err
	}
	if len(raw) < saltSize+nonceSize {
		return nil, errNoSecret
	}
	key, err := pbkdf2.Key(sha256.New, d.passphrase, raw[:saltSize], iterations, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	text, err := gcm.Open(nil, raw[saltSize:saltSize+nonceSize], raw[saltSize+nonceSize:], nil)
	if err != nil {
		return nil, retrain.Errorf(retrain.DataValidationError, "a secret that the passphrase does not open").
			WithHint("is the passphrase right that passphraseEnv names?")
	}
	return string(text), nil
}
