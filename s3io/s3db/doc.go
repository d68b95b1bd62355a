// Package s3db decodes what s3db.js, versions 13 and 21, keeps in S3. It knows the layout and nothing of buckets:
//
//	database.go   s3db.json: resources, their versions and partitions, and under which short names attributes are stored
//	attributes.go the attributes of a version, in the order on which version 13's short names rest
//	record.go     one object, its metadata and its body, as a record
//	metadata.go   how a text becomes a value of S3 metadata
//	value.go      how a value becomes a text, by the attribute's type
//	number.go     numbers in base 62
//
// Keys, below the database's prefix:
//
//	s3db.json
//	resource={resource}/data/id={id}
//	resource={resource}/partition={partition}/{field}={value}/…/id={id}   not read: a record's values tell its partitions
//
// A resource of version 13 with more than 36 attributes has lost some of them on disk, since S3 does not tell a short name A
// from a: what is left is read as s3db.js reads it.
package s3db
