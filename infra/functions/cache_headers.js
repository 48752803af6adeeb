// Viewer response: an answer that does not say how long it may be kept is told so. Files under /assets/ carry a digest in their names, so
// browsers keep them for a year; everything else is asked for again each time. CloudFront does not call this for errors.
var forever = 'public, max-age=31536000, immutable';

function handler(event) {
    var response = event.response;
    if (!response.headers['cache-control']) {
        var asset = event.request.uri.indexOf('/assets/') === 0;
        response.headers['cache-control'] = { value: asset ? forever : 'no-cache' };
    }
    return response;
}
