package api

import "retrain"

// A Problem is the body of every answer that is not a success, as RFC 9457 has it: application/problem+json.
type Problem struct {
	Type   string        `json:"type"`             // where the class of error is explained, from the server's own address
	Title  string        `json:"title"`            // the class of error, for people
	Status int           `json:"status"`           // of HTTP, once more
	Detail string        `json:"detail"`           // what is wrong with this request
	Error  string        `json:"error"`            // the same, as prediction workers have it, so that one client understands both
	Code   retrain.Code  `json:"code"`             // the class of error, for programs
	Hint   string        `json:"hint,omitempty"`   // what to do about it
	Needs  int           `json:"needs,omitempty"`  // rows missing, of an InsufficientDataError
	Errors []RecordError `json:"errors,omitempty"` // of an insert: nothing of it was stored
}

// A RecordError is what is wrong with one record of a request.
type RecordError struct {
	Index  int    `json:"index"`        // from 0
	ID     string `json:"id,omitempty"` // of the record, where it has one
	Reason string `json:"reason"`       // what is wrong with it
}
