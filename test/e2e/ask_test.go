package e2e

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/flight/flightsql"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
)

// ask puts one question as arrow-go's Flight SQL client does, in a connection of
// its own. who is a role of the ready file, or "token=…".
func (in *installation) ask(ctx context.Context, who, sql string) (rows []string, err error) {
	client, ctx, err := in.connect(ctx, who)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	info, err := client.Execute(ctx, sql)
	if err != nil {
		return nil, err
	}
	for _, endpoint := range info.Endpoint {
		reader, err := client.DoGet(ctx, endpoint.Ticket)
		if err != nil {
			return nil, err
		}
		for reader.Next() {
			rows = append(rows, lines(reader.RecordBatch())...)
		}
		err = reader.Err()
		reader.Release()
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (in *installation) connect(ctx context.Context, who string) (*flightsql.Client, context.Context, error) {
	token, given := strings.CutPrefix(who, "token=")
	if !given {
		if token = in.ready.Tokens[who]; token == "" {
			return nil, nil, fmt.Errorf("the demonstration has no token for %s", who)
		}
	}
	certificate := []byte(in.ready.CA)
	if !strings.Contains(in.ready.CA, "BEGIN CERTIFICATE") {
		var err error
		if certificate, err = os.ReadFile(in.ready.CA); err != nil {
			return nil, nil, err
		}
	}
	trusted := x509.NewCertPool()
	if !trusted.AppendCertsFromPEM(certificate) {
		return nil, nil, errors.New("the ready file's ca is no certificate")
	}
	address := in.ready.Flight
	if _, after, ok := strings.Cut(address, "://"); ok {
		address = after
	}
	client, err := flightsql.NewClientCtx(ctx, address, nil, nil, grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS13})))
	if err != nil {
		return nil, nil, err
	}
	return client, metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token), nil
}

func lines(batch arrow.RecordBatch) []string {
	out := make([]string, batch.NumRows())
	for i := range out {
		cells := make([]string, batch.NumCols())
		for c := range cells {
			if column := batch.Column(c); column.IsNull(i) {
				cells[c] = "NULL"
			} else {
				cells[c] = column.ValueStr(i)
			}
		}
		out[i] = strings.Join(cells, "|")
	}
	return out
}
