// Viewer request, while maintenance is on: nothing reaches the load balancer. People get the page, programs a JSON document; both get 503,
// so that monitors and search engines see what it is.
var page = __PAGE__;
var fault = JSON.stringify({ error: 'maintenance', message: 'The platform is down for maintenance.' });
var security = __HEADERS__;

function handler(event) {
    var program = /^\/(api|ws)(\/|$)/.test(event.request.uri);
    var headers = {
        'cache-control': { value: 'no-store' },
        'content-type': { value: program ? 'application/json' : 'text/html; charset=utf-8' },
        'retry-after': { value: '300' }
    };
    for (var name in security) {
        headers[name] = security[name];
    }
    return {
        statusCode: 503,
        statusDescription: 'Service Unavailable',
        headers: headers,
        body: { encoding: 'text', data: program ? fault : page }
    };
}
