"""The web service: pages and API over the results store and Ray's Jobs. The store is its state.

`app.create_app` puts it together; `service.Service` is what every page is given.
"""
