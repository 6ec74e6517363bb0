//! The program `merak` as its users meet it: the real binary, a file a command.

mod advertisement;
mod audit;
mod backup;
mod clock;
mod configuration;
mod demo;
mod doctor;
mod export;
mod grant;
mod help;
mod http;
mod installation;
mod jobs;
mod log;
mod migrate;
mod openapi;
mod organization;
mod readme;
mod refund;
mod restore;
mod secret;
mod serve;
mod shop;
mod token;
mod user;
