package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-tre/gatehouse"
	"github.com/gatehouse-tre/gatehouse/workspaces"
)

// NoticeChoice is how one's notices leave by e-mail.
type NoticeChoice struct {
	Mail workspaces.Mail `json:"mail" enum:"each,daily,urgent" doc:"One message for each notice at once, one a day, or only what cannot wait"`
}

// ParcelPath names a message.
type ParcelPath struct {
	Parcel string `path:"parcel" maxLength:"64" doc:"Id of the message"`
}

func (s *server) describeNotices(api huma.API) {
	tags := []string{"notices"}
	handle(s, api, huma.Operation{
		OperationID: "list-my-notices", Method: http.MethodGet, Path: "/v1/me/notices", Summary: "Your notices, newest first", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, in *struct {
		Limit int `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}) (*listOf[workspaces.KeptNotice], error) {
		if err := s.sendsNotices(); err != nil {
			return nil, err
		}
		found, err := s.Notices.Mine(ctx, principal(ctx), in.Limit)
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "get-my-notice-options", Method: http.MethodGet, Path: "/v1/me/notices/options", Summary: "How you hear of notices", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, _ *struct{}) (*one[workspaces.NoticeOptions], error) {
		if err := s.sendsNotices(); err != nil {
			return nil, err
		}
		o, err := s.Notices.Options(ctx, principal(ctx))
		return &one[workspaces.NoticeOptions]{o}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "set-my-notice-options", Method: http.MethodPut, Path: "/v1/me/notices/options", Summary: "Choose how your notices leave by e-mail", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, in *one[NoticeChoice]) (*one[workspaces.NoticeOptions], error) {
		if err := s.sendsNotices(); err != nil {
			return nil, err
		}
		o, err := s.Notices.SetMail(ctx, principal(ctx), in.Body.Mail)
		return &one[workspaces.NoticeOptions]{o}, err
	})

	handle(s, api, huma.Operation{
		OperationID: "list-deliveries", Method: http.MethodGet, Path: "/v1/notices/deliveries", Summary: "Notices on their way, newest first; for operators", Tags: tags, Security: signedIn,
		Errors: []int{http.StatusForbidden},
	}, func(ctx context.Context, in *struct {
		State workspaces.DeliveryState `query:"state" enum:"waiting,sent,dead"`
		Limit int                      `query:"limit" minimum:"1" maximum:"500" default:"100"`
	}) (*listOf[workspaces.Delivery], error) {
		if err := s.sendsNotices(); err != nil {
			return nil, err
		}
		found, err := s.Notices.Deliveries(ctx, principal(ctx), workspaces.DeliveryFilter{State: in.State, Limit: in.Limit})
		return list(found), err
	})

	handle(s, api, huma.Operation{
		OperationID: "retry-delivery", Method: http.MethodPost, Path: "/v1/notices/deliveries/{parcel}/retry", Summary: "Send again what was given up, under the id that it had", Tags: tags, Security: signedIn,
		DefaultStatus: http.StatusNoContent, Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, func(ctx context.Context, in *ParcelPath) (*struct{}, error) {
		if err := s.sendsNotices(); err != nil {
			return nil, err
		}
		return nil, s.Notices.Retry(ctx, principal(ctx), in.Parcel)
	})
}

// sendsNotices is an error for an API that was made without notices.
func (s *server) sendsNotices() error {
	if s.Notices == nil {
		return gatehouse.Errorf(gatehouse.CodeUnsupported, "There are no notices here.")
	}
	return nil
}

// Deliveries lists notices on their way, newest first.
func (c *Client) Deliveries(ctx context.Context, f workspaces.DeliveryFilter) ([]workspaces.Delivery, error) {
	query := url.Values{}
	if f.State != "" {
		query.Set("state", string(f.State))
	}
	if f.Limit > 0 {
		query.Set("limit", strconv.Itoa(f.Limit))
	}
	var found listOf[workspaces.Delivery]
	err := c.call(ctx, http.MethodGet, nil, &found.Body, query, "v1", "notices", "deliveries")
	return found.Body.Items, err
}

// RetryDelivery has a message that was given up sent again.
func (c *Client) RetryDelivery(ctx context.Context, parcel string) error {
	resp, err := c.send(ctx, http.MethodPost, nil, "", nil, "v1", "notices", "deliveries", parcel, "retry")
	if err == nil {
		resp.Body.Close()
	}
	return err
}

// Notices gives one's own notices, newest first.
func (c *Client) Notices(ctx context.Context) ([]workspaces.KeptNotice, error) {
	var found listOf[workspaces.KeptNotice]
	err := c.call(ctx, http.MethodGet, nil, &found.Body, nil, "v1", "me", "notices")
	return found.Body.Items, err
}

// SetNoticeMail chooses how one's notices leave by e-mail.
func (c *Client) SetNoticeMail(ctx context.Context, m workspaces.Mail) (o workspaces.NoticeOptions, err error) {
	return o, c.call(ctx, http.MethodPut, NoticeChoice{m}, &o, nil, "v1", "me", "notices", "options")
}
