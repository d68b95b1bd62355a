package api

import "time"

// A Role says what a key's holder may do. Each may do what those before it may. It is stored: never change a value.
type Role string

// The roles.
const (
	RoleRead  Role = "read"  // look, and ask for predictions
	RoleWrite Role = "write" // insert, train, promote, cancel, pause
	RoleAdmin Role = "admin" // declare, dispose, and hand out keys
)

// Covers reports whether whoever has this role may do what needs that one.
func (r Role) Covers(needs Role) bool { return r.rank() >= needs.rank() && r.rank() > 0 }

func (r Role) rank() int {
	switch r {
	case RoleRead:
		return 1
	case RoleWrite:
		return 2
	case RoleAdmin:
		return 3
	}
	return 0
}

// A Key is what is told of an API key.
type Key struct {
	ID        string     `json:"id"` // the part of the key that is no secret
	Name      string     `json:"name"`
	Role      Role       `json:"role"`
	Resources []string   `json:"resources,omitempty"` // with the models that learn from them; none: all
	CreatedAt time.Time  `json:"createdAt"`
	CreatedBy string     `json:"createdBy,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// A NewKey is what is wished of a key.
type NewKey struct {
	Name      string     `json:"name"                min:"1"`
	Role      Role       `json:"role,omitempty"`      // read
	Resources []string   `json:"resources,omitempty"` // that it is good for, with the models that learn from them; none: all
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// A CreatedKey is a key with its secret, which is shown this one time.
type CreatedKey struct {
	Key

	Secret string `json:"key"` // what its holder sends
}

// Keys are all keys.
type Keys struct {
	Keys []Key `json:"keys"`
}
