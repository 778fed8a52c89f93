package flight

import (
	"context"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces/strangers"
)

type contextKey int

const (
	callerKey contextKey = iota
	connectionKey
)

// connection is one client connection; it is compared by its address.
type connection struct{ _ byte }

// caller is who makes the call; anonymous before authentication.
func caller(ctx context.Context) gatehouse.Principal {
	p, _ := ctx.Value(callerKey).(gatehouse.Principal)
	return p
}

func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey).(*connection)
	return c
}

// authenticate gives a context with the principal of the call's bearer token.
func (s *Server) authenticate(ctx context.Context) (context.Context, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) != 1 {
		return ctx, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "No token was presented.")
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return ctx, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "Only bearer tokens are accepted here, no user names and passwords.")
	}
	p, err := s.sessions.Authenticate(ctx, token)
	if err != nil {
		return ctx, err
	}
	if p.Anonymous() {
		return ctx, gatehouse.Errorf(gatehouse.CodeUnauthenticated, "The token is not known.")
	}
	return context.WithValue(ctx, callerKey, p), nil
}

// unary stands around every call of one message: nobody unknown passes, and
// neither a panic nor a cause comes out.
func (s *Server) unary(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (reply any, err error) {
	defer func() {
		if r := recover(); r != nil {
			reply, err = nil, panicked(r)
		}
		err = s.rendered(ctx, info.FullMethod, err)
	}()
	if ctx, err = s.authenticate(ctx); err != nil {
		return nil, err
	}
	return handler(ctx, request)
}

// stream does the same for calls of many messages.
func (s *Server) stream(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) (err error) {
	ctx := stream.Context()
	defer func() {
		if r := recover(); r != nil {
			err = panicked(r)
		}
		err = s.rendered(ctx, info.FullMethod, err)
	}()
	if ctx, err = s.authenticate(ctx); err != nil {
		return err
	}
	return handler(server, &authenticated{ServerStream: stream, ctx: ctx})
}

type authenticated struct {
	grpc.ServerStream
	ctx context.Context
}

func (a *authenticated) Context() context.Context { return a.ctx }

// connections tells calls of one connection from those of another: drivers
// close their session with each connection, and a notebook may have several
// with one token.
type connections struct{}

func (connections) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	return context.WithValue(strangers.From(ctx, info.RemoteAddr), connectionKey, new(connection))
}
func (connections) HandleConn(context.Context, stats.ConnStats)                     {}
func (connections) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (connections) HandleRPC(context.Context, stats.RPCStats)                       {}
